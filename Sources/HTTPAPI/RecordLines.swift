// Records as lines of JSON, written while they are read: answers of any length in the memory of a page.
//
// Invariants:
//  * The next page is read when the client has taken the one before: a slow reader slows the scan.
//  * What the answer is without stands in it, as a line `{"unseen": …}` where the records would be: the
//    headers were sent before anybody knew.

import EventLog
import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import Queries
import Wire

extension Response {
    /// Bytes gathered before they are written.
    private static let lineByteCount = 1 << 17

    init(
        lines reading: RecordReading, of log: InferenceLog, form: RecordForm, fields: FieldSelection,
        for context: APIContext,
        in place: LineReaders.Place
    ) {
        let body = ResponseBody { output in
            defer { withExtendedLifetime(place) {} }
            let client = context.client
            var reading = reading
            var toldCount = 0
            while true {
                // A scan that finds nothing for long ends with its client, too.
                let (page, rest) = try await context.whileClientWaits { [reading] in
                    var rest = reading
                    return (try rest.next(in: log.snapshot()), rest)
                }
                reading = rest
                guard let rows = page else { break }
                var writer = RecordWriter(as: .lines, form: form, fields: fields)
                let prepared = rows.batches.map { writer.prepare($0) }
                for (batch, row) in rows.rows {
                    writer.write(row: row, of: prepared[batch])
                    guard writer.byteCount >= Response.lineByteCount else { continue }
                    if client?.isGone ?? false { throw CancellationError() }
                    try await output.write(ByteBuffer(bytes: writer.finish()))
                    writer = RecordWriter(as: .lines, form: form, fields: fields)
                }
                var bytes = writer.finish()
                for part in reading.unseen[toldCount...] {
                    JSONValue.object(("unseen", part.json)).write(into: &bytes)
                    bytes.append(0x0A)
                }
                toldCount = reading.unseen.count
                if client?.isGone ?? false { throw CancellationError() }
                try await output.write(ByteBuffer(bytes: bytes))
            }
            try await output.finish(nil)
        }
        self.init(
            status: .ok, headers: [.contentType: "application/x-ndjson"], body: body)
    }
}

extension Request {
    /// Whether the answer is wanted as lines, and so of any length.
    var wantsLines: Bool {
        ["application/x-ndjson", "application/ndjson", "application/jsonl"].contains(acceptedMediaTypes.first)
    }
}
