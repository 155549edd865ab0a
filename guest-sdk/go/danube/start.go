package danube

import (
	"errors"

	types "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/danube_connector_types"
)

// start configures a connector.
func start(connector any, given types.Configuration) (Config, error) {
	config, err := read(given, connector)
	if err != nil {
		return Config{}, err
	}
	if starter, ok := connector.(Starter); ok {
		err = guarded(func() error { return starter.Start(config) })
	}
	return config, err
}

// configurationFailure is an error from before the first input: unless the connector says otherwise, its configuration is
// wrong.
func configurationFailure(err error) *types.Failure {
	made := failure(err)
	var ours *Error
	if !errors.As(err, &ours) || made.Kind == types.FailureKindInvalidData {
		made.Kind = types.FailureKindConfiguration
	}
	return made
}
