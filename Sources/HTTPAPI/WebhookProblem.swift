// Why a message was not posted, in words that a list shows and the log keeps: what happened, and what to look at.
//
// Invariant: of what the libraries say nothing is passed on as they print it: it names no remedy, and may hold paths of
// the machine that built this.

import AsyncHTTPClient
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix

/// Why a message was not posted.
struct WebhookProblem: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) { self.description = description }

    /// What an error of the network means.
    init(_ error: any Error, timeout: TimeAmount) {
        let seconds = timeout.nanoseconds / 1_000_000_000
        description =
            switch error {
            case let problem as WebhookProblem: problem.description
            case let error as NIOConnectionError:
                WebhookProblem(
                    error.connectionErrors.first?.error ?? SocketAddressError.unsupported, timeout: timeout
                ).description
            case let error as IOError: Self.words(error.errnoCode)
            case ChannelError.connectTimeout: Self.noConnection
            case is SocketAddressError, is SocketAddressError.UnknownHost:
                "the host's name is not found; see how it is spelt, and that the server's machine can look it up"
            case is HTTPParserError:
                "what was answered is not HTTP; see that the port is the receiver's, and whether it wants https"
            case let error as HTTPClientError:
                switch error {
                case .connectTimeout, .getConnectionFromPoolTimeout: Self.noConnection
                case .deadlineExceeded, .readTimeout:
                    "no answer in \(seconds) seconds; see that the receiver is reached, and answers before it does "
                        + "its work"
                case .remoteConnectionClosed, .uncleanShutdown: Self.closed
                case .tlsHandshakeTimeout: Self.noHandshake
                default: "it was not posted: \(error.shortDescription)"
                }
            default: Self.words(ofTLS: "\(error)") ?? "it was not posted: \(type(of: error))"
            }
    }

    private static let noConnection =
        "no connection is made in time; see that the receiver runs, and that no firewall is between"
    private static let closed = "the connection was closed without an answer; see the receiver's own log"
    private static let noHandshake =
        "no TLS connection is agreed on; see that the port speaks TLS 1.2 or 1.3, or give an http address"

    private static func words(_ number: CInt) -> String {
        switch number {
        case ECONNREFUSED:
            "the connection is refused; see that the receiver runs, and listens at the address's port"
        case ECONNRESET, EPIPE, ENOTCONN: closed
        case ETIMEDOUT: noConnection
        case EHOSTUNREACH, ENETUNREACH, EADDRNOTAVAIL:
            "the host is not reached; see the address, and the network between"
        case EMFILE, ENFILE: "this server has no file left to open; raise its limit of open files (ulimit -n)"
        default: "the network refuses with errno \(number); see the address, and the network between"
        }
    }

    /// TLS says what is wrong in its text alone.
    private static func words(ofTLS text: String) -> String? {
        if ["CERTIFICATE_VERIFY_FAILED", "failedToValidateHostname"].contains(where: text.contains) {
            return
                "the certificate is not trusted; see that it is for this host, has not ended, and is of an authority "
                + "that the server's machine trusts"
        }
        return ["handshakeFailed", "BoringSSL", "NIOSSL", "uncleanShutdown"].contains(where: text.contains)
            ? noHandshake : nil
    }
}
