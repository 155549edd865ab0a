//! The sink at its door, against tables on disk, in S3 and in Azure, read by other programs.

mod support;

mod columns;
mod config;
mod connect;
mod faults;
mod local;
mod long;
mod partitions;
mod probe;
mod s3;
