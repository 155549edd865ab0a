// The host's state, in a component whose world has it.
import * as host from 'danube:connector/state@0.1.0';

export const stateOf = () => host;
