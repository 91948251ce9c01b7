// Invariant checked: that at the head of LargeReads.swift.

import NIOCore
import NIOEmbedded
import Testing

@testable import HTTPAPI

@Suite("How much a connection reads at once") struct LargeReadsTests {
    @Test("pieces grow only while what is read fills them, to the largest, and shrink again")
    func pieces() throws {
        let channel = EmbeddedChannel()
        try channel.pipeline.syncOperations.addHandler(LargeReadsHandler())
        var pieces = try channel.getOption(.recvAllocator).wait()
        func size() -> Int { pieces.buffer(allocator: ByteBufferAllocator()).capacity }
        /// Whether the next piece is larger, after one of so many bytes.
        func read(_ count: Int) -> Bool { pieces.record(actualReadBytes: count) }
        let first = size()
        #expect(first <= 2048)
        for _ in 0..<100 { _ = read(first - 1) }
        #expect(size() == first)
        while read(size()) {}
        #expect(size() == 256 << 10)
        for _ in 0..<100 { _ = read(100) }
        #expect(size() < first)
        _ = try channel.finish()
    }
}
