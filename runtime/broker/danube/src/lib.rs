//! The broker trait over Danube's gRPC API.
