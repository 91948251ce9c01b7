// Why a server does not listen at its address, for the person who started it.

import Glibc
import NIOCore

/// Says the address, why not, and what to give instead.
package struct ListeningError: Error, CustomStringConvertible {
    package let description: String

    /// Nil for an error that is not about the address.
    init?(_ error: any Error, _ configuration: ServerConfiguration) {
        let address = configuration.authority(port: configuration.port)
        let cannot = "the server cannot listen at \(address): "
        if let error = error as? IOError {
            switch error.errnoCode {
            case EADDRINUSE:
                description =
                    cannot
                    + "another process does. Stop that one (`ss -ltnp` names it), or give another --port "
                    + "(0 for any that is free)"
            case EADDRNOTAVAIL:
                description =
                    cannot
                    + "this machine has no such address. Give --host 127.0.0.1 for this machine alone, or "
                    + "0.0.0.0 for all of its addresses"
            case EACCES:
                description =
                    cannot
                    + "ports below 1024 are not everybody's. Give a --port of 1024 or more, or the process "
                    + "the right to it (CAP_NET_BIND_SERVICE)"
            default: return nil
            }
            return
        }
        guard let error = error as? SocketAddressError.UnknownHost else { return nil }
        description =
            cannot + "\(error.host) is no address and no known name. Give --host 127.0.0.1, or 0.0.0.0"
    }
}
