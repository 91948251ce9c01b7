// A connection over which a test says any bytes it wants, whole or not, and a server that takes connections.

import Foundation
import Glibc
import Hummingbird
import HummingbirdTesting
import StoreSupport
import Testing

@testable import HTTPAPI

/// A connection that a test closes when it wants to.
final class RawClient: Sendable {
    private let socket: Int32

    init(port: Int) throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(result == 0)
    }

    func send(_ text: String) { send(Array(text.utf8)) }

    /// Blocks while the server does not read, and the system's buffers are full.
    ///
    /// - Parameter whenTaken: called once, when the system has taken all, or for now takes no more.
    func send(_ bytes: [UInt8], whenTaken: () -> Void = {}) {
        bytes.withUnsafeBytes { bytes in
            var (sent, isTold) = (0, false)
            while sent < bytes.count {
                let flags = Int32(MSG_NOSIGNAL) | (isTold ? 0 : Int32(MSG_DONTWAIT))
                let count = Glibc.send(socket, bytes.baseAddress! + sent, bytes.count - sent, flags)
                if count > 0 {
                    sent += count
                } else if errno == EAGAIN {
                    whenTaken()
                    isTold = true
                } else if errno != EINTR {
                    break
                }
            }
            if !isTold { whenTaken() }
        }
    }

    /// What comes next, `count` bytes at most; nothing once the server has closed the connection.
    func receive(_ count: Int = 4096) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let received = bytes.withUnsafeMutableBytes { recv(socket, $0.baseAddress, $0.count, 0) }
        return Array(bytes.prefix(max(0, received)))
    }

    /// All that comes until it ends in `end`, or the server closes the connection.
    func receive(until end: String) -> String {
        var all: [UInt8] = []
        while !all.suffix(end.utf8.count).elementsEqual(end.utf8) {
            let next = receive()
            if next.isEmpty { break }
            all += next
        }
        return String(decoding: all, as: UTF8.self)
    }

    /// All that comes until the server closes the connection.
    func receiveAll() -> [UInt8] {
        var all: [UInt8] = []
        while true {
            let next = receive()
            if next.isEmpty { return all }
            all += next
        }
    }

    /// Says that nothing more comes, and goes on reading: as `nc -N`.
    func endSending() { shutdown(socket, Int32(SHUT_WR)) }

    func hangUp() { close(socket) }
}

/// Does what blocks on a thread that no task needs.
func onThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in
        Thread.detachNewThread { continuation.resume(returning: body()) }
    }
}

/// Runs `body` with a new store that has a pipeline, and the port at which the whole server of it listens.
func servingAtPort(_ body: @escaping @Sendable (Client, _ port: Int) async throws -> Void) async throws {
    try await serving { (client: Client) async throws in
        try await client.createPipeline()
        let application = APIServer.application(
            APIServer.router(client.store, publicURL: nil, logger: noLog), ServerConfiguration(port: 0),
            idleTimeout: .seconds(600), logger: noLog)
        try await application.test(.live) { live in try await body(client, try #require(live.port)) }
    }
}
