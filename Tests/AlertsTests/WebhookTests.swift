// Invariants checked: those at the heads of WebhookSecret.swift, WebhookMessage.swift,
// WebhookAddress.swift and DeliverySchedule.swift.

import Assays
import JSON
import Records
import TestSupport
import Testing

@testable import Alerts

@Suite("Webhooks")
struct WebhookTests {
    private func secret(_ text: String) throws -> WebhookSecret {
        try WebhookSecret(JSONField(.string(text)))
    }

    private func address(_ text: String) throws -> WebhookAddress {
        try WebhookAddress(JSONField(.string(text), path: "url"))
    }

    /// Made with Python's hmac, and taken by the `standardwebhooks` package from PyPI.
    @Test("a signature is the one that the specification's own verifiers take")
    func signature() throws {
        let body = Array(#"{"test": 2432232314}"#.utf8)
        let signature = try secret(Support.secret).signature(
            id: "msg_p5jXN8AQM9LWM0D4loKWxEek", timestamp: 1_614_265_330, body: body)
        #expect(signature == "v1,xm3N4+aKmqpsHqf2GrAK/g6ew7J0s6ILlNe44yY/l78=")
    }

    @Test("a secret comes back from its text and shows itself nowhere else")
    func secrets() throws {
        let new = WebhookSecret()
        #expect(try secret(new.text) == new && WebhookSecret() != new)
        #expect("\(new)" == "whsec_…" && String(reflecting: new) == "whsec_…")
        for text in [
            "whsec_", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!!!", Support.secret + "=",
        ] {
            do {
                _ = try WebhookSecret(JSONField(.string(text), path: "secret"))
                Issue.record("\(text) is read")
            } catch {
                // The refusal names the field, and does not repeat what was in it.
                #expect("\(error)".contains("\"secret\""))
                if text != "whsec_" { #expect(!"\(error)".contains(text)) }
            }
        }
    }

    @Test("a message keeps its id and body at every attempt, and is signed anew")
    func message() throws {
        let change = try Support.change(3, at: 5)
        let key = try secret(Support.secret)
        let first = WebhookMessage(change, signedBy: key, at: moment(10))
        let second = WebhookMessage(change, signedBy: key, at: moment(20))
        #expect(first.id == second.id && first.body == second.body)
        #expect(second.timestamp == first.timestamp + 10 && first.signature != second.signature)
        let body = JSONField(try JSONValue(parsing: first.body))
        #expect(try body["type"].string() == "assay.status_changed")
        #expect(
            try body["data"]["to"].string() == "Alert"
                && body["data"]["window_start"].string() == "2024-01-09T19:00:00Z")
    }

    @Test("an address is http or https with a host, and nothing hidden in it")
    func addresses() throws {
        let plain = try address("http://Hooks.example.com:8080/a?b=c")
        #expect(plain.host == "hooks.example.com" && plain.port == 8080 && !plain.isSecure)
        #expect(plain.text == "http://hooks.example.com:8080/a?b=c")
        #expect(try address("https://h").port == 443)
        #expect(try address("https://[2001:db8::1]/x").host == "2001:db8::1")
        for text in [
            "", "ftp://h/", "https://", "https:///x", "https://user@h/", "https://h:0/", "https://h:99999/",
            "https://h:x/", "https://h/#f", "https://h/ x", "https://h\\@other/", "https://[::1/", "//h/",
            "https://[h]/", "https://h/\n", "https://é/", "https://" + String(repeating: "a", count: 3000),
        ] {
            #expect(throws: FieldError.self, "\(text)") { try address(text) }
        }
    }

    @Test("only what an entry names is allowed")
    func policy() throws {
        let policy = try WebhookPolicy(allowing: [
            "hooks.example.com", "http://localhost:9000", "10.0.0.7:8443", "[fd00::7]",
        ])
        for (text, isAllowed) in [
            ("https://hooks.example.com/x", true), ("https://HOOKS.example.com/", true),
            ("http://hooks.example.com/x", false), ("https://hooks.example.com:444/", false),
            ("https://example.com/", false), ("https://a.hooks.example.com/", false),
            ("https://hooks.example.com.evil.org/", false), ("http://localhost:9000/", true),
            ("https://localhost:9000/", false), ("https://10.0.0.7:8443/", true),
            ("https://10.0.0.8:8443/", false), ("https://[fd00:0::7]/", true), ("https://[fd00::8]/", false),
        ] {
            #expect(policy.allows(try address(text)) == isAllowed, "\(text)")
        }
        #expect(!WebhookPolicy().allows(try address("https://hooks.example.com/")))
        #expect(policy.refusal(of: try address("https://x/")).contains("--webhook-allow x:443"))
        for text in ["a b", "http://https://h", "https://http://h", "http://http://h", "https://https://h"] {
            #expect(throws: FieldError.self, "\(text)") { try WebhookPolicy(allowing: [text]) }
        }
    }

    private func resolved(_ bytes: [UInt8], _ text: String = "x") -> ResolvedAddress {
        ResolvedAddress(bytes: bytes, text: text)
    }

    @Test("a name that resolves to a private address is not spoken to, unless that is meant")
    func resolution() throws {
        for four: [UInt8] in [
            [127, 0, 0, 1], [10, 1, 2, 3], [172, 16, 0, 1], [172, 31, 255, 1], [192, 168, 1, 1],
            [169, 254, 169, 254],
            [100, 64, 0, 1], [0, 0, 0, 0], [224, 0, 0, 1], [255, 255, 255, 255], [198, 18, 0, 1],
        ] {
            #expect(!resolved(four).isPublic, "\(four)")
            let zeros = [UInt8](repeating: 0, count: 10)
            #expect(!resolved(zeros + [0xFF, 0xFF] + four).isPublic)
            #expect(!resolved([0x20, 0x02] + four + zeros).isPublic)
        }
        for four: [UInt8] in [[1, 1, 1, 1], [172, 32, 0, 1], [192, 169, 0, 1], [100, 128, 0, 1]] {
            #expect(resolved(four).isPublic, "\(four)")
        }
        let ends = [UInt8](repeating: 0, count: 14)
        for two: [UInt8] in [[0xFC, 0], [0xFD, 1], [0xFE, 0x80], [0xFF, 2], [0, 0]] {
            #expect(!resolved(two + ends).isPublic, "\(two)")
        }
        #expect(resolved([0x26, 0x06] + ends).isPublic)
        // Within what is public: the first and the last address of each block that is not, and its neighbours.
        func six(_ head: [UInt8], _ filler: UInt8) -> ResolvedAddress {
            resolved(head + [UInt8](repeating: filler, count: 16 - head.count))
        }
        for (first, last): ([UInt8], [UInt8]) in [
            ([0x20, 1, 0, 0], [0x20, 1, 0, 0]), ([0x20, 1, 0, 2, 0, 0], [0x20, 1, 0, 2, 0, 0]),
            ([0x20, 1, 0, 0x10], [0x20, 1, 0, 0x1F]), ([0x20, 1, 0, 0x20], [0x20, 1, 0, 0x2F]),
            ([0x20, 1, 0x0D, 0xB8], [0x20, 1, 0x0D, 0xB8]), ([0x3F, 0xFF, 0], [0x3F, 0xFF, 0x0F]),
        ] {
            #expect(!six(first, 0).isPublic && !six(last, 0xFF).isPublic, "\(first)")
        }
        for (head, filler): ([UInt8], UInt8) in [
            ([0x20, 1, 0, 1], 0xFF), ([0x20, 1, 0, 2, 0, 1], 0), ([0x20, 1, 0, 0x0F], 0xFF),
            ([0x20, 1, 0, 0x30], 0), ([0x20, 1, 0x0D, 0xB7], 0xFF), ([0x20, 1, 0x0D, 0xB9], 0),
            ([0x3F, 0xFE], 0xFF), ([0x3F, 0xFF, 0x10], 0),
        ] {
            #expect(six(head, filler).isPublic, "\(head)")
        }

        var policy = try WebhookPolicy(allowing: ["inner.example.com", "localhost", "10.0.0.7"])
        let inner = try address("https://inner.example.com/")
        #expect(!policy.allows(resolved([10, 0, 0, 1], "10.0.0.1"), for: inner))
        #expect(policy.allows(resolved([1, 1, 1, 1], "1.1.1.1"), for: inner))
        #expect(policy.allows(resolved([127, 0, 0, 1], "127.0.0.1"), for: try address("https://localhost/")))
        #expect(policy.allows(resolved([10, 0, 0, 7], "10.0.0.7"), for: try address("https://10.0.0.7/")))
        // An address that is written out is itself in every spelling, and no other.
        let loopback = resolved([UInt8](repeating: 0, count: 15) + [1], "::1")
        for text in ["[0:0:0:0:0:0:0:1]", "[::1]", "[0::1]", "[0000:0::0001]"] {
            #expect(policy.allows(loopback, for: try address("https://\(text)/")), "\(text)")
        }
        for text in ["[::2]", "localhost.example.com", "[::ffff:127.0.0.1]"] {
            #expect(!policy.allows(loopback, for: try address("https://\(text)/")), "\(text)")
        }
        let local = resolved([0xFD] + [UInt8](repeating: 0, count: 14) + [1], "fd00::1")
        #expect(policy.allows(local, for: try address("https://[fd00:0::1]/")))
        // What only a resolver takes for an address is a name.
        #expect(!policy.allows(resolved([127, 0, 0, 1], "127.0.0.1"), for: try address("https://127.1/")))
        policy.allowsPrivate = true
        #expect(policy.allows(resolved([10, 0, 0, 1], "10.0.0.1"), for: inner))
    }

    @Test("attempts go on for three days, each a little after its time, then no more")
    func schedule() throws {
        let schedule = DeliverySchedule.standard
        #expect(schedule.delays.count == 9)
        for (position, delay) in schedule.delays.enumerated() {
            for alert in 1...20 {
                let next = try #require(
                    schedule.next(
                        after: position + 1, failedAt: moment(0), webhook: WebhookID(1), alert: AlertID(alert)
                    ))
                let waited = next.microseconds - moment(0).microseconds
                #expect(delay.microseconds <= waited && waited <= delay.microseconds * 11 / 10)
                #expect(
                    next
                        == schedule.next(
                            after: position + 1, failedAt: moment(0), webhook: WebhookID(1),
                            alert: AlertID(alert)))
            }
        }
        #expect(
            schedule.next(after: 10, failedAt: moment(0), webhook: WebhookID(1), alert: AlertID(1)) == nil)
        // Where time has no name any more, what is written down still has one.
        #expect(
            schedule.next(after: 1, failedAt: .latestNamed, webhook: WebhookID(1), alert: AlertID(1))
                == .latestNamed)
    }
}
