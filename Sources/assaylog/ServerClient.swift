// A small client of our own server: one request, one answer, one connection each (HTTP/1.1, RFC 9112).
//
// Invariants:
//  * An answer other than 2xx is a failure that says what the server said.
//  * A server that is busy (429) is asked again each second, for at most a minute. So is one that
//    does not answer a request with an Idempotency-Key: it stores that once, however often it comes.
//  * What is the server's failure, and not of the request, says what to do about the server.

import Glibc
import JSON

/// The key of a request stands for another one, which brought so many records.
struct KeyConflict: Error {
    var rowCount: Int
}

struct ServerClient {
    private let host: String
    private let port: String
    private let prefix: String

    /// How often a busy server is asked again, a second apart.
    private static let retryCountMax = 60
    /// The longest answer taken: ours to these requests are a line.
    private static let answerByteCountMax = 32 << 20
    /// Seconds without a byte from the server after which it is given up.
    private static let patience = 120
    /// What to do about a server that is there and fails.
    private static let attendance = "see to the server"

    /// - Parameter url: as `http://localhost:8080`.
    init(_ url: String) throws {
        func refused(_ problem: String) -> CommandFailure {
            CommandFailure("--server is \"\(url)\", which \(problem); write it as http://localhost:8080")
        }
        guard !url.hasPrefix("https://") else {
            throw refused("asks for TLS, which this client does not speak: go through a local proxy")
        }
        guard url.hasPrefix("http://") else { throw refused("does not begin with http://") }
        let rest = url.dropFirst("http://".count)
        let authority = rest.prefix { $0 != "/" }
        var path = String(rest.dropFirst(authority.count))
        while path.hasSuffix("/") { path.removeLast() }
        prefix = path
        let isBracketed = authority.hasPrefix("[")
        let end = isBracketed ? authority.firstIndex(of: "]") : authority.lastIndex(of: ":")
        if isBracketed {
            guard let end else { throw refused("has no end of its address") }
            host = String(authority[authority.index(after: authority.startIndex)..<end])
            let tail = authority[authority.index(after: end)...]
            port = tail.hasPrefix(":") ? String(tail.dropFirst()) : "80"
        } else {
            host = String(end.map { authority[..<$0] } ?? authority)
            port = end.map { String(authority[authority.index(after: $0)...]) } ?? "80"
        }
        guard !host.isEmpty, UInt16(port) != nil else { throw refused("names no host and port") }
    }

    func get(_ path: String) throws -> JSONField { try ask("GET", path, [], []).answer }

    func post(_ path: String, _ document: JSONValue) throws -> JSONField {
        try post(path, body: Array(document.text.utf8), contentType: "application/json")
    }

    func post(_ path: String, body: [UInt8], contentType: String) throws -> JSONField {
        try post(path, body: body, contentType: contentType, key: nil).answer
    }

    /// - Returns: the answer, and whether the server had stored the request before.
    func post(
        _ path: String, body: [UInt8], contentType: String, key: String?
    ) throws -> (answer: JSONField, wasThere: Bool) {
        var headers = [("Content-Type", contentType)]
        if let key { headers.append(("Idempotency-Key", key)) }
        return try ask("POST", path, body, headers, isKeyed: key != nil)
    }

    private func ask(
        _ method: String, _ path: String, _ body: [UInt8], _ headers: [(String, String)],
        isKeyed: Bool = false
    ) throws -> (answer: JSONField, wasThere: Bool) {
        for attempt in 1...ServerClient.retryCountMax {
            let status: Int
            let answer: [UInt8]
            let fields: [String]
            do { (status, fields, answer) = try exchange(method, path, body, headers) } catch {
                guard isKeyed, attempt < ServerClient.retryCountMax else { throw error }
                sleep(1)
                continue
            }
            if status == 429 {
                sleep(1)
                continue
            }
            if status == 422, let conflict = KeyConflict(fields) { throw conflict }
            let json = try? JSONValue(parsing: answer)
            guard (200..<300).contains(status) else {
                let body = JSONField(json)
                let said = body.first(of: "msg", "message", "error")
                let field = (try? body["field"].string()).flatMap { field in
                    (try? body["problem"].string()).map { FieldError(field: field, problem: $0) }
                }
                throw CommandFailure(
                    "the server answers \(status): "
                        + ((try? said.string()) ?? String(decoding: answer.prefix(200), as: UTF8.self)),
                    status: status, serverRemedy: status >= 500 ? ServerClient.attendance : nil, field: field)
            }
            return (JSONField(json ?? .null), fields.contains { $0.hasPrefix("idempotent-replayed:") })
        }
        throw CommandFailure(
            "the server is busy and stayed so for \(ServerClient.retryCountMax) seconds; try again later",
            serverRemedy: "wait until it is less busy")
    }

    // MARK: One exchange

    private func exchange(
        _ method: String, _ path: String, _ body: [UInt8], _ headers: [(String, String)]
    ) throws -> (Int, [String], [UInt8]) {
        let socket = try connect()
        defer { close(socket) }
        let name = host.contains(":") ? "[\(host)]" : host
        let head = """
            \(method) \(prefix)\(path) HTTP/1.1\r
            \((headers + [("Host", "\(name):\(port)")]).map { "\($0): \($1)" }.joined(separator: "\r\n"))\r
            Content-Length: \(body.count)\r
            Accept: application/json\r
            Connection: close\r
            \r\n
            """
        send(Array(head.utf8) + body, over: socket)
        return try parse(try receive(from: socket))
    }

    private func connect() throws -> Int32 {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, port, &hints, &list)
        guard code == 0 else {
            throw CommandFailure(
                "--server: \(host) is not found: \(String(cString: gai_strerror(code)))",
                serverRemedy: ServerClient.attendance)
        }
        defer { freeaddrinfo(list) }
        var reason = "it has no address"
        var next = list
        while let address = next {
            next = address.pointee.ai_next
            let descriptor = socket(
                address.pointee.ai_family, address.pointee.ai_socktype | Int32(SOCK_CLOEXEC.rawValue),
                address.pointee.ai_protocol)
            guard descriptor >= 0 else { continue }
            var patience = timeval(tv_sec: ServerClient.patience, tv_usec: 0)
            let size = socklen_t(MemoryLayout<timeval>.size)
            setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, size)
            setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, size)
            if Glibc.connect(descriptor, address.pointee.ai_addr, address.pointee.ai_addrlen) == 0 {
                return descriptor
            }
            reason = String(cString: strerror(errno))
            close(descriptor)
        }
        throw CommandFailure(
            "--server: \(host):\(port) is not reached: \(reason); does `assaylog serve` run there?",
            serverRemedy: "start the server")
    }

    /// Sends what the other side takes. Where it hangs up, it may have answered: that says more.
    private func send(_ bytes: [UInt8], over socket: Int32) {
        bytes.withUnsafeBytes { buffer in
            var sent = 0
            while sent < buffer.count {
                let count = Glibc.send(
                    socket, buffer.baseAddress.map { $0 + sent }, buffer.count - sent, Int32(MSG_NOSIGNAL))
                if count < 0 {
                    if errno == EINTR { continue }
                    return
                }
                sent += count
            }
        }
    }

    private func receive(from socket: Int32) throws -> [UInt8] {
        var answer: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while answer.count <= ServerClient.answerByteCountMax {
            let count = recv(socket, &piece, piece.count, 0)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else {
                throw CommandFailure(
                    "the server does not answer: \(String(cString: strerror(errno)))",
                    serverRemedy: ServerClient.attendance)
            }
            if count == 0 { return answer }
            answer += piece[..<count]
        }
        throw CommandFailure("the server's answer is too long; is this an assaylog server?")
    }

    /// Status, headers in lower case, and body.
    private func parse(_ answer: [UInt8]) throws -> (Int, [String], [UInt8]) {
        let broken = CommandFailure(
            "the server's answer is cut or is not HTTP; was it stopped?",
            serverRemedy: ServerClient.attendance)
        let gap = Array("\r\n\r\n".utf8)
        guard let headEnd = answer.indices.first(where: { answer[$0...].starts(with: gap) }) else {
            throw broken
        }
        let lines = String(decoding: answer[..<headEnd], as: UTF8.self).split(separator: "\r\n")
        let words = (lines.first ?? "").split(separator: " ")
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else {
            throw broken
        }
        var body = Array(answer[(headEnd + gap.count)...])
        let headers = lines.dropFirst().map { $0.lowercased() }
        for header in headers {
            if header.hasPrefix("content-length:") {
                let digits = header.dropFirst("content-length:".count).filter { $0 != " " }
                guard Int(digits) == body.count else { throw broken }
            } else if header.hasPrefix("transfer-encoding:"), header.hasSuffix("chunked") {
                body = try joined(body, broken)
            }
        }
        return (status, headers, body)
    }

    /// The body that came in chunks, each behind its length in hexadecimal digits.
    private func joined(_ body: [UInt8], _ broken: CommandFailure) throws -> [UInt8] {
        var result: [UInt8] = []
        var rest = body[...]
        while true {
            let digits = rest.prefix { $0 != 0x0D && $0 != UInt8(ascii: ";") }
            guard let count = Int(String(decoding: digits, as: UTF8.self), radix: 16),
                let lineEnd = rest.firstIndex(of: 0x0A)
            else { throw broken }
            if count == 0 { return result }
            rest = rest[(lineEnd + 1)...]
            // Subtracted from what is there: a length is a claim, to which nothing can be added.
            guard count > 0, count <= rest.count - 2 else { throw broken }
            result += rest.prefix(count)
            rest = rest.dropFirst(count + 2)
        }
    }
}

extension KeyConflict {
    /// - Parameter fields: an answer's headers, in lower case.
    fileprivate init?(_ fields: [String]) {
        let name = "idempotent-span:"
        guard let field = fields.first(where: { $0.hasPrefix(name) }) else { return nil }
        let bounds = field.dropFirst(name.count).drop { $0 == " " }.split(separator: "-").compactMap {
            Int($0)
        }
        guard bounds.count == 2, 0 <= bounds[0], bounds[0] <= bounds[1] else { return nil }
        rowCount = bounds[1] - bounds[0]
    }
}
