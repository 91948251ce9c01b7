// A list of stored results as one JSON array, written while the results are read: an assay that runs each
// minute has half a million of them in a year, a gigabyte of answer in the memory of some thousand.
//
// Invariants:
//  * The bytes are those of the whole list written at once, in the order asked for.
//  * The first results are there before the answer begins: what is wrong with them has a status of its own.
//    What is wrong later breaks the answer off; it never ends as if it were whole.
//  * The next results are read when the client has taken those before, and not for one that has gone.

import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import Records
import Store

/// Which results of each window are wanted, as `revisions` of a request says.
private enum AskedRevisions: String, CaseIterable {
    case newest
    case all
}

extension JSONField {
    /// Ours: whether a request asks for every revision of each window, by window, then by revision, and not only for
    /// the newest.
    func wantsAllRevisions() throws(FieldError) -> Bool {
        let revisions: AskedRevisions = try self["revisions"].optional?.word() ?? .newest
        return revisions == .all
    }
}

extension Response {
    /// - Parameters:
    ///   - count: of all results.
    ///   - batchCount: how many are held at once, at least 1.
    ///   - documents: the results at some of the positions 0..<count.
    init(
        resultCount count: Int, by batchCount: Int, for context: APIContext,
        _ documents: @escaping @Sendable (Range<Int>) throws -> [[UInt8]]
    ) throws {
        precondition(batchCount > 0, "Results are read in batches of one or more.")
        let isWhole = count <= batchCount
        let first = Response.list(
            try documents(0..<min(batchCount, count)), isFirst: true, isLast: isWhole)
        guard !isWhole else {
            self.init(bytes: first, contentType: "application/json")
            return
        }
        let body = ResponseBody { output in
            let client = context.client
            try await output.write(ByteBuffer(bytes: first))
            for start in stride(from: batchCount, to: count, by: batchCount) {
                if client?.isGone ?? false { throw CancellationError() }
                let end = min(start + batchCount, count)
                // What is not kept is worked out, which takes as long as it does.
                let bytes = try await context.compute {
                    Response.list(try documents(start..<end), isFirst: false, isLast: end == count)
                }
                try await output.write(ByteBuffer(bytes: bytes))
            }
            try await output.finish(nil)
        }
        self.init(status: .ok, headers: [.contentType: "application/json"], body: body)
    }

    /// A part of the array, with the brackets at its ends and a comma before all but the first member.
    private static func list(_ documents: [[UInt8]], isFirst: Bool, isLast: Bool) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(documents.reduce(2) { $0 + $1.count + 1 })
        if isFirst { bytes.append(UInt8(ascii: "[")) }
        for (position, document) in documents.enumerated() {
            if position > 0 || !isFirst { bytes.append(UInt8(ascii: ",")) }
            bytes.append(contentsOf: document)
        }
        if isLast { bytes.append(UInt8(ascii: "]")) }
        return bytes
    }
}
