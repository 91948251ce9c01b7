// Invariants checked: the three at the head of MultipartScanner.swift, in that order. The second is tried
// at every cut and with pieces of every size: where a body is cut must not show.

import Testing

@testable import HTTPAPI

@Suite("Multipart bodies")
struct MultipartScannerTests {
    /// A body's parts as one text each, or why it is refused.
    static func parts(_ pieces: [[UInt8]], boundary: String = "b") -> [String] {
        var scanner = MultipartScanner(boundary: boundary)
        var parts: [String] = []
        var contents: [UInt8] = []
        do throws(MultipartError) {
            for piece in pieces {
                for event in try scanner.scan(piece) {
                    switch event {
                    case .began(let header): parts.append("\(header.name)|\(header.fileName ?? "-")|")
                    case .data(let bytes): contents += bytes
                    case .ended:
                        parts[parts.count - 1] += String(decoding: contents, as: UTF8.self)
                        contents = []
                    }
                }
            }
            try scanner.finish()
        } catch {
            return ["refused: \(error)"]
        }
        return parts
    }

    static func parts(_ text: String, boundary: String = "b") -> [String] {
        parts([Array(text.utf8)], boundary: boundary)
    }

    static let bodies = [
        // As clients send it, with a preamble, an epilogue, an empty part and near misses in a part.
        "preamble\r\n--b\r\nContent-Disposition: form-data; name=\"metadata\"\r\nContent-Type: application/json"
            + "\r\n\r\n{\"a\":1}\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"m.onnx\"\r\n\r\n"
            + "\r\n-\r\n--\r\n--a\r\n\r\r\n--\r\n--b \t\r\nContent-Disposition: form-data; name=\"empty\"\r\n\r\n"
            + "\r\n--b--\r\nepilogue --b",
        // The delimiter opens the body; names without quotes; header names in any case.
        "--b\r\ncontent-disposition:form-data;name=x\r\n\r\n1\r\n--b\r\nX: y\r\nCONTENT-DISPOSITION: form-data; "
            + "name=\"y\"\r\n\r\n2\r\n--b--",
        // Refused ones.
        "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1\r\n--b\r\n",
        "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1\r\n--better\r\n\r\n",
        "--b\r\nContent-Disposition: form-data\r\n\r\n1\r\n--b--",
        "--b\r\nContent-Type: text/plain\r\n\r\n1\r\n--b--",
        "no delimiter at all",
        "",
    ]

    @Test("the parts of a body are what stands between its delimiters")
    func wholeBodies() {
        #expect(
            Self.bodies.map { Self.parts($0) } == [
                [
                    "metadata|-|{\"a\":1}", "file|m.onnx|\r\n-\r\n--\r\n--a\r\n\r\r\n--", "empty|-|",
                ],
                ["x|-|1", "y|-|2"],
                ["refused: the body ends before its closing delimiter"],
                [
                    "refused: a line begins with the delimiter and goes on; use a boundary that is in no part"
                ],
                ["refused: a part has no name"],
                ["refused: a part has no Content-Disposition"],
                ["refused: the body ends before its closing delimiter"],
                ["refused: the body ends before its closing delimiter"],
            ])
    }

    @Test("a body cut in two anywhere has the same parts", arguments: 0..<8)
    func everyCut(_ number: Int) {
        let bytes = Array(Self.bodies[number].utf8)
        let whole = Self.parts([bytes])
        for cut in 0...bytes.count {
            #expect(Self.parts([Array(bytes[..<cut]), Array(bytes[cut...])]) == whole, "cut at \(cut)")
        }
    }

    @Test("a body in pieces of any size has the same parts", arguments: 0..<8)
    func everyPieceSize(_ number: Int) {
        let bytes = Array(Self.bodies[number].utf8)
        let whole = Self.parts([bytes])
        for size in 1...max(1, bytes.count) {
            let pieces = stride(from: 0, to: bytes.count, by: size).map {
                Array(bytes[$0..<min($0 + size, bytes.count)])
            }
            #expect(Self.parts(pieces) == whole, "pieces of \(size)")
        }
    }

    @Test("a body that ends anywhere before its closing delimiter is refused")
    func everyEnd() {
        let bytes = Array(Self.bodies[1].utf8)
        for end in 0..<bytes.count {
            #expect(Self.parts([Array(bytes[..<end])])[0].hasPrefix("refused: "), "ends at \(end)")
        }
        #expect(Self.parts([bytes]).count == 2)
    }

    // The limit was on what had come of a header: one that came in one piece had none.
    @Test("a header above 16 KiB is refused, one of 16 KiB is taken, however it is cut")
    func hugeHeaders() {
        // What counts of a header: its lines, and the line end before them.
        func body(_ count: Int) -> [UInt8] {
            let line = "\r\nContent-Disposition: form-data; name=\"x\"\r\nX: "
            return Array(
                ("--b" + line + String(repeating: "x", count: count - line.utf8.count)
                    + "\r\n\r\n1\r\n--b--").utf8)
        }
        let limit = 16 << 10
        for size in [1000, 4096, limit, 1 << 20] {
            func pieces(_ count: Int) -> [[UInt8]] {
                let bytes = body(count)
                return stride(from: 0, to: bytes.count, by: size).map {
                    Array(bytes[$0..<min($0 + size, bytes.count)])
                }
            }
            #expect(Self.parts(pieces(limit)) == ["x|-|1"], "pieces of \(size)")
            #expect(
                Self.parts(pieces(limit + 1)) == ["refused: a part's header is over 16 KiB"],
                "pieces of \(size)")
        }
        var scanner = MultipartScanner(boundary: "b")
        _ = try? scanner.scan(Array("--b\r\n".utf8))
        #expect(throws: MultipartError.self) { try scanner.scan([UInt8](repeating: 0x41, count: limit + 64)) }
    }

    @Test("a delimiter's line may end in blanks, but not without end")
    func blanks() {
        let blanks = String(repeating: " ", count: 100_000)
        #expect(Self.parts("--b\(blanks)")[0].hasPrefix("refused: "))
        #expect(
            Self.parts("--b  \t\r\nContent-Disposition: form-data; name=x\r\n\r\n1\r\n--b--") == ["x|-|1"])
    }

    @Test(
        "names may be quoted, hold semicolons and quoted quotes, or stand bare",
        arguments: [
            ("name=\"file\"; filename=\"a;b.onnx\"", "file|a;b.onnx|1"),
            ("filename=\"a \\\"b\\\".onnx\"; name=\"file\"", "file|a \"b\".onnx|1"),
            ("filename=\"a\\\\\"; name=\"x\"", "x|a\\|1"),
            ("filename=\"a\\\\\\\"; b\"; name=\"x\"", "x|a\\\"; b|1"),
            // As a browser writes what a Windows path or a name at its end has.
            ("filename=\"C:\\dir\\a.onnx\"; name=\"x\"", "x|C:\\dir\\a.onnx|1"),
            ("name=\"x\"; filename=\"a\\\"", "x|a\\|1"),
            ("name=file; filename=m.onnx", "file|m.onnx|1"),
            ("name=\"\"; filename=\"\"", "||1"),
            ("name=\"größe\"; filename=\"モデル.onnx\"", "größe|モデル.onnx|1"),
            ("NAME=\"x\"; FileName=\"y\"", "x|y|1"),
        ])
    func names(_ parameters: String, _ part: String) {
        let body = "--b\r\nContent-Disposition: form-data; \(parameters)\r\n\r\n1\r\n--b--"
        #expect(Self.parts(body) == [part])
    }

    @Test(
        "the boundary is read from the content type, quoted or not",
        arguments: [
            ("multipart/form-data; boundary=abc", "abc"),
            ("multipart/form-data; charset=utf-8; BOUNDARY=\"a b:c\"", "a b:c"),
            ("multipart/form-data;boundary=abc ", "abc"),
            ("multipart/form-data", nil),
            ("multipart/form-data; boundary=", nil),
            ("multipart/form-data; boundary=\(String(repeating: "a", count: 71))", nil),
        ])
    func boundaries(_ contentType: String, _ boundary: String?) {
        #expect(MultipartScanner.boundary(inContentType: contentType) == boundary)
    }

    @Test("a file of any size passes through a buffer of one piece")
    func passesThrough() throws {
        var scanner = MultipartScanner(boundary: "b")
        _ = try scanner.scan(Array("--b\r\nContent-Disposition: form-data; name=x\r\n\r\n".utf8))
        let piece = [UInt8](repeating: 0x0D, count: 1 << 16)
        var count = 0
        for number in 1...64 {
            for case .data(let bytes) in try scanner.scan(piece) { count += bytes.count }
            // The rest waits for what comes after it.
            #expect(number * piece.count - count < 8)
        }
    }
}
