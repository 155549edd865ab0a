//! The embedded log served over Danube's wire API.
