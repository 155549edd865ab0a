module github.com/danube-messaging/danube-wasm/guest-sdk/go

go 1.24
