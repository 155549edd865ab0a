package danube

// The contract's functions.
import _ "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit/wit_exports"
