//! Where protocols, store and directory meet: listeners, connections, sessions.
