//! shoal-conformance
