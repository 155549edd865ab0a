/** One of the connector's own settings. `keyField` in a schema is `key_field` in the pipeline file. */
export interface Setting<T> {
  readonly kind: string;
  readonly default?: T;
  fits(value: unknown): boolean;
}

/** Settings by their names. Names that are not there are refused with those that are. */
export type Schema = Record<string, Setting<unknown>>;

/** What a connector is given for its schema. */
export type SettingsOf<S extends Schema> = { readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never };

type Options<T> = { default?: T };

/** A text. A setting without a default must be given. */
export declare function text(options?: Options<string>): Setting<string>;
export declare function text(options: { default: null }): Setting<string | null>;
/** True or false. */
export declare function flag(options?: Options<boolean>): Setting<boolean>;
export declare function flag(options: { default: null }): Setting<boolean | null>;
/** A number. */
export declare function number(options?: Options<number>): Setting<number>;
export declare function number(options: { default: null }): Setting<number | null>;
/** A whole number. */
export declare function integer(options?: Options<number>): Setting<number>;
export declare function integer(options: { default: null }): Setting<number | null>;
/** One of these texts. */
export declare function choice<const T extends string>(values: readonly T[], options?: { default?: NoInfer<T> }): Setting<T>;
/** A list, each value as another setting. */
export declare function list<T>(of: Setting<T>, options?: { default?: T[] }): Setting<T[]>;
/** Any value, such as a table: the connector checks it in `initialize`. */
export declare function json<T = unknown>(options?: Options<T>): Setting<T>;
