// Invariant checked: the one at the head of WebhookProblem.swift.

import Alerts
import Assays
import AsyncHTTPClient
import Bytes
import Glibc
import JSON
import NIOCore
import NIOHTTP1
import Records
import Store
import Testing

@testable import HTTPAPI

@Suite("Why a message was not posted")
struct WebhookProblemTests {
    /// Printed as errors of TLS are, with a path of the machine that built it.
    private struct TLSError: Error, CustomStringConvertible {
        var description: String
    }

    /// One that nobody knows.
    private struct Unknown: Error {
        var path = "/builder/checkouts/library/File.swift"
    }

    @Test("each kind is told in words of our own, with what to look at, and no path")
    func words() {
        let ssl = { (what: String) in
            TLSError(
                description:
                    "handshakeFailed(NIOSSL.BoringSSLError.sslError([Error: 268435581 error:1000007d:SSL "
                    + "routines:OPENSSL_internal:\(what) at /builder/checkouts/swift-nio-ssl/handshake.cc:298]))"
            )
        }
        for (error, words, remedy) in [
            (HTTPClientError.deadlineExceeded, "no answer in 20 seconds", "see that the receiver"),
            (HTTPClientError.readTimeout, "no answer in 20 seconds", "see that the receiver"),
            (HTTPClientError.connectTimeout, "no connection", "firewall"),
            (ChannelError.connectTimeout(.seconds(10)), "no connection", "firewall"),
            (HTTPClientError.remoteConnectionClosed, "closed without an answer", "see the receiver's"),
            (HTTPClientError.tlsHandshakeTimeout, "no TLS connection", "give an http address"),
            (HTTPClientError.contentLengthMissing, "not posted", "posted: "),
            (IOError(errnoCode: ECONNREFUSED, reason: "connect"), "refused", "listens at"),
            (
                IOError(errnoCode: ECONNRESET, reason: "read"), "closed without an answer",
                "see the receiver's"
            ),
            (IOError(errnoCode: EHOSTUNREACH, reason: "connect"), "not reached", "see the address"),
            (HTTPParserError.invalidConstant, "not HTTP", "whether it wants https"),
            (SocketAddressError.unsupported, "name is not found", "how it is spelt"),
            (ssl("CERTIFICATE_VERIFY_FAILED"), "certificate is not trusted", "see that it is for this host"),
            (ssl("WRONG_VERSION_NUMBER"), "no TLS connection", "give an http address"),
            (WebhookProblem("as it was said"), "as it was said", "was said"),
            (Unknown(), "not posted: Unknown", "posted"),
        ] as [(any Error, String, String)] {
            let problem = WebhookProblem(error, timeout: .seconds(20)).description
            #expect(problem.contains(words) && problem.contains(remedy), "\(problem)")
            // Whole, as the log keeps it.
            #expect(problem.utf8.count <= WebhookSender.problemByteCountMax)
            #expect(!problem.contains("/builder") && !problem.contains("HTTPClientError"), "\(problem)")
        }
    }

    // Connections were tried again for ten seconds, after which nothing was said but that time was up.
    @Test("a port where nobody listens is told as that")
    func refused() async throws {
        let policy = try WebhookPolicy(allowing: ["http://127.0.0.1:1"])
        let address = try WebhookAddress(JSONField(.string("http://127.0.0.1:1/hook")))
        let now = Timestamp(microseconds: 0)
        let change = StatusChange(
            id: AlertID(1), assayID: AssayID(1), assayName: "watch", pipelineName: "fraud",
            path: try IOPath(parsing: "output y"), from: .ok, to: .alert,
            window: TimeWindow(start: now, end: now.adding(TimeSpan(microseconds: 1))),
            resultID: AssayResultID(1), at: now)
        let secret = try WebhookSecret(JSONField(.string(WebhookSenderTests.secret)))
        let error = await #expect(throws: WebhookProblem.self) {
            try await HTTPWebhookPoster(policy).post(
                WebhookMessage(change, signedBy: secret, at: now), to: address)
        }
        #expect(error?.description.contains("the connection is refused; see") == true, "\(error as Any)")
    }
}
