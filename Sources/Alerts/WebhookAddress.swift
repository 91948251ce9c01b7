// Where a webhook goes, and whether it may: addresses, and the hosts that the operator allowed.
//
// A server that posts to whatever address somebody registers can be made to knock at the doors behind
// it. So hosts are named when the server is started; only https is spoken, unless the entry says http; and
// what a name resolves to must be public, unless the entry is an address itself or `localhost`, or the
// operator said that private addresses are meant.
//
// Invariants:
//  * An address is http or https, with a host, without user, fragment, space or control character.
//  * Nothing is allowed that no entry names.

import Glibc
import JSON
import Records

/// Where a webhook goes: a URL that was checked for its form alone. Whether it may be posted to says `WebhookPolicy`.
package struct WebhookAddress: Hashable, Sendable {
    /// The whole URL; scheme and host in lower case, the rest as posted.
    package let text: String
    /// Whether it is https.
    package let isSecure: Bool
    /// Lower case; an IPv6 address without its brackets.
    package let host: String
    /// As written, else the scheme's own: 443 or 80.
    package let port: Int

    /// The longest URL, in bytes.
    package static let byteCountMax = 2_048

    /// Throws what names no host that can be posted to, without looking it up.
    package init(_ json: JSONField) throws(FieldError) {
        let text = try json.string()
        guard let address = WebhookAddress(text) else {
            throw json.refused(
                "is no address to post to; write https://host/path, without user, fragment or spaces")
        }
        self = address
    }

    init?(_ text: String) {
        guard text.utf8.count <= Self.byteCountMax, text.utf8.allSatisfy({ 0x21...0x7E ~= $0 }) else {
            return nil
        }
        let isSecure = text.hasPrefix("https://")
        guard isSecure || text.hasPrefix("http://") else { return nil }
        let rest = text.dropFirst(isSecure ? 8 : 7)
        guard !rest.contains("#"), !rest.contains("\\") else { return nil }
        guard let (host, port) = Self.hostAndPort(rest.prefix { $0 != "/" && $0 != "?" }) else { return nil }
        // One spelling of a host: what is judged by its name is then connected to by that name.
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        self.text =
            (isSecure ? "https://" : "http://") + authority.lowercased() + rest.dropFirst(authority.count)
        self.isSecure = isSecure
        self.host = host
        self.port = port ?? (isSecure ? 443 : 80)
    }

    /// `host`, `host:port`, `[v6]` or `[v6]:port`; nil for anything else.
    package static func hostAndPort(_ text: Substring) -> (host: String, port: Int?)? {
        var host = text
        var portText: Substring?
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            host = text[text.index(after: text.startIndex)..<end]
            let rest = text[text.index(after: end)...]
            if !rest.isEmpty {
                guard rest.hasPrefix(":") else { return nil }
                portText = rest.dropFirst()
            }
            guard host.contains(":"), host.utf8.allSatisfy({ $0.isHexadecimal || $0 == 0x3A || $0 == 0x2E })
            else {
                return nil
            }
        } else {
            if let colon = text.firstIndex(of: ":") {
                host = text[..<colon]
                portText = text[text.index(after: colon)...]
            }
            // Names and IPv4 addresses; `@` and the like are refused with everything else.
            guard !host.isEmpty, host.utf8.count <= 253, host.utf8.allSatisfy(\.isOfName) else { return nil }
        }
        guard let portText else { return (host.lowercased(), nil) }
        guard portText.utf8.allSatisfy({ 0x30...0x39 ~= $0 }), let port = Int(portText), 1...65_535 ~= port
        else {
            return nil
        }
        return (host.lowercased(), port)
    }
}

extension UInt8 {
    fileprivate var isHexadecimal: Bool {
        0x30...0x39 ~= self || 0x41...0x46 ~= self || 0x61...0x66 ~= self
    }
    fileprivate var isOfName: Bool {
        0x30...0x39 ~= self || 0x41...0x5A ~= self || 0x61...0x7A ~= self || self == 0x2D || self == 0x2E
            || self == 0x5F
    }
}

/// The hosts that webhooks may go to.
package struct WebhookPolicy: Hashable, Sendable {
    private var entries: [Entry] = []
    /// Whether names may resolve to loopback, private and link-local addresses.
    package var allowsPrivate = false

    private struct Entry: Hashable {
        var host: String
        /// Nil for the scheme's own.
        var port: Int?
        /// Whether http is meant.
        var isPlain: Bool

        /// Whether it is the same name, or the same address in whatever spelling: those of IPv6 are many.
        func names(_ host: String) -> Bool {
            if self.host == host { return true }
            guard let bytes = ResolvedAddress.bytes(ofText: self.host) else { return false }
            return bytes == ResolvedAddress.bytes(ofText: host)
        }
    }

    /// Nothing is allowed.
    package init() {}

    /// - Parameter texts: `HOST`, `HOST:PORT`, or either with `http://` before it.
    /// - Throws: a refusal that names the entry.
    package init(allowing texts: [String], includingPrivate: Bool = false) throws(FieldError) {
        allowsPrivate = includingPrivate
        for text in texts {
            let isPlain = text.hasPrefix("http://")
            // One scheme at most: behind it a second one is no host, and is refused.
            let scheme = ["http://", "https://"].first { text.hasPrefix($0) } ?? ""
            let name = text.dropFirst(scheme.count)
            guard let (host, port) = WebhookAddress.hostAndPort(name) else {
                throw FieldError(
                    field: "webhook-allow",
                    problem:
                        "is \"\(text.prefix(64))\"; write a host, as hooks.example.com or 10.0.0.7:8443, "
                        + "with http:// before it where plain http is meant")
            }
            entries.append(Entry(host: host, port: port, isPlain: isPlain))
        }
    }

    /// Whether an entry names the host, the port and the scheme. What the host resolves to is another question, below.
    package func allows(_ address: WebhookAddress) -> Bool {
        entries.contains { entry in
            entry.names(address.host) && entry.isPlain != address.isSecure
                && (entry.port ?? (entry.isPlain ? 80 : 443)) == address.port
        }
    }

    /// Whether a host that resolved to an address may be spoken to there.
    package func allows(_ resolved: ResolvedAddress, for address: WebhookAddress) -> Bool {
        // An entry that is an address, or localhost, says exactly what it means.
        if allowsPrivate || address.host == "localhost" { return true }
        // Addresses, not spellings: those of IPv6 are many, and the resolver prints its own.
        if ResolvedAddress.bytes(ofText: address.host) == resolved.bytes { return true }
        return resolved.isPublic
    }

    /// A sentence for whoever may not.
    package func refusal(of address: WebhookAddress) -> String {
        let name = address.host.contains(":") ? "[\(address.host)]" : address.host
        return
            "is at \(name), port \(address.port), where this server may not post; start it with "
            + "--webhook-allow \(address.isSecure ? "" : "http://")\(name):\(address.port)"
    }
}

/// An IP address, as bytes in network order.
package struct ResolvedAddress: Hashable, Sendable {
    /// 4 or 16 of them.
    package let bytes: [UInt8]
    /// As the resolver printed it, which connections are made to.
    package let text: String

    /// `bytes` must be 4 or 16.
    package init(bytes: [UInt8], text: String) {
        precondition(bytes.count == 4 || bytes.count == 16, "IPv4 or IPv6.")
        self.bytes = bytes
        self.text = text
    }

    /// The bytes of an address that is written out, an IPv6 one in any spelling and without brackets; nil for a name.
    static func bytes(ofText text: String) -> [UInt8]? {
        var four = in_addr()
        // Strict, as resolvers are not: what only they take for an address, such as `127.1`, is a name here.
        if inet_pton(AF_INET, text, &four) == 1 { return withUnsafeBytes(of: four) { Array($0) } }
        var six = in6_addr()
        if inet_pton(AF_INET6, text, &six) == 1 { return withUnsafeBytes(of: six) { Array($0) } }
        return nil
    }

    /// Whether it is no loopback, private, link-local, shared, benchmark, multicast or reserved
    /// address (the special-purpose registries of RFC 6890), nor an IPv6 form of one.
    package var isPublic: Bool {
        if bytes.count == 4 { return Self.isPublic(bytes[...]) }
        // IPv4 inside: mapped (::ffff:0:0/96), compatible (::/96, :: and ::1 among them), translated
        // (64:ff9b::/96), 6to4 (2002::/16).
        if bytes[..<10].allSatisfy({ $0 == 0 }) {
            return bytes[10] == 0xFF && bytes[11] == 0xFF && Self.isPublic(bytes[12...])
        }
        if bytes[..<12] == [0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0] {
            return Self.isPublic(bytes[12...])
        }
        if bytes[0] == 0x20, bytes[1] == 0x02 { return Self.isPublic(bytes[2..<6]) }
        // Teredo (2001::/32), benchmarks (2001:2::/48), the identifiers that are no addresses (2001:10::/28,
        // 2001:20::/28) and documentation (2001:db8::/32, 3fff::/20) lie inside 2000::/3, which is what is
        // public at all.
        switch (bytes[0], bytes[1], bytes[2], bytes[3]) {
        case (0x20, 0x01, 0, 0), (0x20, 0x01, 0, 0x10...0x2F), (0x20, 0x01, 0x0D, 0xB8): return false
        case (0x20, 0x01, 0, 2) where bytes[4] == 0 && bytes[5] == 0: return false
        case (0x3F, 0xFF, 0...0x0F, _): return false
        default: break
        }
        return bytes[0] & 0xE0 == 0x20
    }

    private static func isPublic(_ four: ArraySlice<UInt8>) -> Bool {
        let four = Array(four)
        switch (four[0], four[1], four[2]) {
        case (0, _, _), (10, _, _), (127, _, _), (224..., _, _): return false
        case (100, 64...127, _), (169, 254, _), (172, 16...31, _), (192, 168, _): return false
        case (192, 0, 0), (192, 0, 2), (198, 18...19, _), (198, 51, 100), (203, 0, 113): return false
        default: return true
        }
    }
}
