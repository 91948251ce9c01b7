// Invariants checked: those at the heads of RequestBody.swift and RequestQuery.swift, in that order.

import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import StoreSupport
import Synchronization
import Testing

@testable import HTTPAPI

@Suite("What requests bring")
struct RequestBodyTests {
    static let piece = [UInt8](repeating: 0x20, count: 1 << 20)

    @Test("a body past its limit is 413 with the limit, when its length is stated and when it is not")
    func limits() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            for (path, limit) in [
                ("/v1/api/assays/list", RequestLimits.documentByteCountMax),
                ("/v1/api/assays/create", RequestLimits.vectorByteCountMax),
                ("/v2/api/assays/schedule", RequestLimits.vectorByteCountMax),
                ("/v1/logs/topic/\(Client.topic)/partition/a", RequestLimits.recordsByteCountMax),
                ("/v1/api/pipelines/infer/a-1/a", RequestLimits.recordsByteCountMax),
            ] {
                let pieces = Array(repeating: Self.piece, count: limit >> 20)
                // Stated: not a byte is read.
                let stated = try await client.stream(path, [.contentLength: "\(limit + 1)"], [[UInt8]]())
                #expect(stated.status == 413, "\(path)")
                #expect(stated.headers[HTTPField.Name("x-max-request-size")!] == "\(limit)")
                #expect(try stated.json["code"].integer() == 413)
                let streamed = try await client.stream(path, [:], pieces + [[0x20]])
                #expect(streamed.status == 413, "\(path)")
                // At the limit it is read, and is no JSON.
                #expect(try await client.stream(path, [:], pieces).status == 400, "\(path)")
            }
        }
    }

    @Test("no more than the limit is ever held")
    func held() async throws {
        let (sequence, source) = AsyncStream.makeStream(of: ByteBuffer.self)
        source.yield(ByteBuffer(repeating: 1, count: 10))
        source.yield(ByteBuffer(repeating: 1, count: 1 << 20))
        source.finish()
        let request = Request(
            head: HTTPRequest(method: .post, scheme: nil, authority: nil, path: "/"),
            body: RequestBody(asyncSequence: sequence))
        await #expect(throws: RequestRefusal.self) { try await request.bytes(upTo: 11) }
    }

    /// Whole, with what was made room for: by the length that is stated, or as it came.
    private static func body(stated: Int?, _ pieces: [ByteBuffer]) async throws -> ByteBuffer {
        let (sequence, source) = AsyncStream.makeStream(of: ByteBuffer.self)
        for piece in pieces { source.yield(piece) }
        source.finish()
        var fields = HTTPFields()
        if let stated { fields[.contentLength] = "\(stated)" }
        let request = Request(
            head: HTTPRequest(method: .post, scheme: nil, authority: nil, path: "/", headerFields: fields),
            body: RequestBody(asyncSequence: sequence))
        return try await request.bytes(upTo: RequestLimits.recordsByteCountMax)
    }

    @Test("room is made for the length that is stated, up to what most bodies have")
    func room() async throws {
        let pieces = [ByteBuffer(repeating: 1, count: 10), ByteBuffer(repeating: 2, count: 10)]
        let honest = try await Self.body(stated: 3 << 20, pieces)
        #expect(honest.readableBytes == 20 && honest.storageCapacity >= 3 << 20)
        // A claim of all that a body may be, with nothing behind it.
        let claim = try await Self.body(stated: RequestLimits.recordsByteCountMax, pieces)
        #expect(claim.readableBytes == 20 && claim.storageCapacity <= 4 << 20)
        let silent = try await Self.body(stated: nil, pieces)
        #expect(silent == honest && silent.storageCapacity < 1 << 10)
    }

    @Test(
        "a connection that sends much is read in pieces of up to 256 KiB, and every byte once",
        .timeLimit(.minutes(10)))
    func largePieces() async throws {
        let byteCount = 1 << 20
        let (sent, source) = AsyncStream.makeStream(of: Void.self)
        let lengths = Mutex<[Int]>([])
        let router = Router(context: APIContext.self)
        router.on("/pieces", method: .post) { request, _ -> Response in
            var whole = ByteBuffer()
            for try await piece in request.body {
                // More comes meanwhile than one small piece holds: all of it, or what the system's buffers take.
                if whole.readableBytes == 0 { for await _ in sent { break } }
                lengths.withLock { $0.append(piece.readableBytes) }
                whole.writeImmutableBuffer(piece)
            }
            return Response(bytes: Array(whole.readableBytesView), contentType: "text/plain")
        }
        let application = APIServer.application(
            router, ServerConfiguration(port: 0), idleTimeout: .seconds(600), logger: noLog)
        // No two bytes near each other are alike, so that none can stand for another.
        let body = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 ^ $0 >> 8 ^ $0 >> 16) }
        // The library's own client gives up after 20 s, and each piece waits its turn among all tests that compute.
        let answer = try await application.test(.live) { live in
            let raw = try RawClient(port: try #require(live.port))
            defer { raw.hangUp() }
            raw.send(
                "POST /pieces HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
                    + "content-length: \(byteCount)\r\n\r\n")
            let sending = Task {
                await onThread { raw.send(body) { source.yield() } }
            }
            let answer = await onThread { raw.receiveAll() }
            await sending.value
            return answer
        }
        #expect(
            answer.starts(with: Array("HTTP/1.1 200".utf8)) && answer.suffix(byteCount).elementsEqual(body))
        let found = lengths.withLock { $0 }
        #expect(found.reduce(0, +) == byteCount)
        #expect(found.max() ?? 0 > 64 << 10 && found.max() ?? 0 <= 256 << 10, "\(found)")
    }

    static func query(_ path: String, _ name: String) throws -> [String] {
        try Request(
            head: HTTPRequest(method: .get, scheme: nil, authority: nil, path: path),
            body: RequestBody(buffer: ByteBuffer())
        ).query(name)
    }

    @Test("names and values of a query mean the same however they are encoded, in their order")
    func queries() throws {
        let path = "/x?dataset[]=a&dataset%5B%5D=b%2Cc&other=1&dataset%5b]=&dataset[]&plus=1+1&eq=a=b&&=z"
        #expect(try Self.query(path, "dataset[]") == ["a", "b,c", "", ""])
        #expect(try Self.query(path, "other") == ["1"])
        #expect(try Self.query(path, "plus") == ["1+1"])
        #expect(try Self.query(path, "eq") == ["a=b"])
        #expect(try Self.query(path, "none") == [])
        #expect(try Self.query("/x", "none") == [])
        #expect(try Self.query("/x?", "none") == [])
        #expect(try Self.query("/x?gr%C3%B6%C3%9Fe=%E2%98%83", "größe") == ["☃"])
        // A name that decodes to nothing is nobody's; a value that does is refused.
        #expect(try Self.query("/x?%=1&a=2", "a") == ["2"])
        for value in ["%", "%2", "%zz", "%FF", "%C3", "a%"] {
            #expect(throws: FieldError.self) { try Self.query("/x?a=\(value)", "a") }
        }
    }

    @Test("an empty body is an empty object; the media type is what stands before its parameters")
    func small() async throws {
        try await serving { (client: Client) async throws in
            #expect(try await client.send(.post, "/v1/api/assays/list").text == "[]")
        }
        for (header, type) in [
            ("Application/JSON; format=pandas-records", "application/json"), (" text/plain ;x", "text/plain"),
            ("", ""),
        ] {
            let request = Request(
                head: HTTPRequest(
                    method: .get, scheme: nil, authority: nil, path: "/", headerFields: [.contentType: header]
                ),
                body: RequestBody(buffer: ByteBuffer()))
            #expect(request.mediaType == type)
        }
    }
}
