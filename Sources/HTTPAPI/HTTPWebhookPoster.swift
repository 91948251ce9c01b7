// Posts messages to destinations, which whoever may make a webhook chooses: so it is looked at where they lead.
//
//     host ──► resolved ──► judged by the policy ──► connected to, just that address ──► status
//
// Invariants:
//  * The address that was judged is the one connected to: a name that resolves differently a moment later gets
//    nowhere. Redirects are answers like others, and not followed.
//  * Of an answer nothing but its status is read.

import Alerts
import AsyncHTTPClient
import NIOCore
import NIOPosix

/// Posts over HTTP, each message over a connection of its own.
package struct HTTPWebhookPoster: WebhookPoster {
    private let policy: WebhookPolicy
    private let timeout: TimeAmount

    /// The specification asks receivers to answer within 15 to 30 seconds.
    package init(_ policy: WebhookPolicy, timeout: TimeAmount = .seconds(20)) {
        self.policy = policy
        self.timeout = timeout
    }

    /// Throws where the host does not resolve, is not allowed where it resolves to, or does not answer in time.
    package func post(_ message: WebhookMessage, to address: WebhookAddress) async throws -> Int {
        do { return try await attempt(message, address) } catch {
            throw WebhookProblem(error, timeout: timeout)
        }
    }

    private func attempt(_ message: WebhookMessage, _ address: WebhookAddress) async throws -> Int {
        let resolved = try await Self.resolved(address)
        guard policy.allows(resolved, for: address) else {
            throw WebhookProblem(
                "\(address.host) resolves to \(resolved.text), which is not public; start the server with "
                    + "--webhook-allow-private where that is meant")
        }
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: HTTPClient.Configuration.Timeout(connect: .seconds(10), read: timeout))
        configuration.dnsOverride = [address.host: resolved.text]
        // It is tried again by our schedule; here it would hide why behind the time that is up.
        configuration.connectionPool.retryConnectionEstablishment = false
        // A client an attempt: attempts are few, and a connection kept would outlive what was judged.
        let client = HTTPClient(configuration: configuration)
        let outcome: Result<Int, any Error>
        do {
            var request = HTTPClientRequest(url: address.text)
            request.method = .POST
            request.headers.add(name: "content-type", value: "application/json")
            request.headers.add(name: "user-agent", value: "assaylog")
            request.headers.add(name: "webhook-id", value: message.id)
            request.headers.add(name: "webhook-timestamp", value: "\(message.timestamp)")
            request.headers.add(name: "webhook-signature", value: message.signature)
            request.body = .bytes(ByteBuffer(bytes: message.body))
            // What is said beyond the status is not read.
            outcome = .success(Int(try await client.execute(request, timeout: timeout).status.code))
        } catch {
            outcome = .failure(error)
        }
        try? await client.shutdown()
        return try outcome.get()
    }

    /// The first address of the host.
    private static func resolved(_ address: WebhookAddress) async throws -> ResolvedAddress {
        let found = try await NIOThreadPool.singleton.runIfActive {
            try SocketAddress.makeAddressResolvingHost(address.host, port: address.port)
        }
        switch found {
        case .v4(let v4):
            return ResolvedAddress(
                bytes: withUnsafeBytes(of: v4.address.sin_addr) { Array($0) }, text: found.ipAddress ?? "")
        case .v6(let v6):
            return ResolvedAddress(
                bytes: withUnsafeBytes(of: v6.address.sin6_addr) { Array($0) }, text: found.ipAddress ?? "")
        case .unixDomainSocket: throw WebhookProblem("\(address.host) is no host")
        }
    }
}
