//! The native module of the remote-store wheel
