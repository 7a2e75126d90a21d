//! The one table of settings and the layers that resolve it.
