// Records as lines of JSON, written while they are read: answers of any length in the memory of a page.
//
// Invariants:
//  * The next page is read when the client has taken the one before: a slow reader slows the scan.
//  * What the answer is without stands in it, as a line `{"unseen": …}` where the records would be: the
//    headers were sent before anybody knew.

import Assays
import Bytes
import Catalog
import EventLog
import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import Queries
import Records
import Store
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

extension Response {
    /// Parts that the header names one by one; past them, only how many there are.
    private static let namedPartCountMax = 16

    /// Says in the headers what the answer is without.
    mutating func note(_ unseen: [UnseenPart]) {
        guard !unseen.isEmpty else { return }
        headers[.unseenCount] = String(unseen.count)
        let named = JSONValue.array(unseen.prefix(Response.namedPartCountMax).map(\.json))
        headers[.unseen] = named.text.escapedForHeader
    }
}

extension Request {
    /// Whether the answer is wanted as lines, and so of any length.
    var wantsLines: Bool {
        ["application/x-ndjson", "application/ndjson", "application/jsonl"].contains(acceptedMediaTypes.first)
    }

    /// `partition_filter`, `model_name` and `pipeline_version` of the query.
    func recordFilter() throws -> RecordFilter {
        let partitions = try query("partition_filter")
        guard !partitions.contains("") else {
            throw FieldError(
                field: "partition_filter", problem: "is empty; name a partition, or leave it out for all")
        }
        return RecordFilter(
            partitions: partitions.isEmpty ? nil : Set(partitions), modelName: try query("model_name").first,
            pipelineVersion: try query("pipeline_version").first)
    }
}

extension RecordFilter {
    /// `locations`, `model_name` and `pipeline_version` of a request's body. What an empty list of locations means
    /// is up to the pipeline and a cut: `StoreView.meant(by:of:at:)`.
    init(_ body: JSONField) throws {
        let locations = try body["locations"].optional?.array().map { try $0.string() }
        self.init(
            partitions: locations.map { Set($0) }, modelName: try body["model_name"].optional?.string(),
            pipelineVersion: try body["pipeline_version"].optional?.string())
    }
}

extension StoreView {
    /// A filter as of a cut: an empty list of locations are the home partitions of then, as in an assay's window.
    func meant(by filter: RecordFilter, of pipeline: Pipeline, at cut: CommitNumber) throws -> RecordFilter {
        guard filter.partitions == [] else { return filter }
        var meant = filter
        meant.partitions = try partitions(of: .home, pipeline, at: cut)
        return meant
    }
}

extension PageToken {
    /// Reads a request's token for a question; nil where it sent none.
    init?(
        _ text: String?, _ field: String, for question: Question, in snapshot: LogSnapshot
    ) throws {
        guard let text else { return nil }
        do throws(Refusal) {
            try self.init(parsing: text, for: question, in: snapshot)
        } catch {
            throw FieldError(field: field, problem: error.description)
        }
    }
}

extension String {
    /// JSON of ASCII alone: names beyond it do not survive every client's reading of headers.
    var escapedForHeader: String {
        var text = ""
        for unit in utf16 {
            if unit < 0x80 {
                text.unicodeScalars.append(Unicode.Scalar(UInt8(unit)))
            } else {
                text += "\\u" + unit.hexDigits
            }
        }
        return text
    }
}

extension HTTPField.Name {
    /// Where a page ended and where the next one starts.
    static let iterationStatus = HTTPField.Name("x-iteration-status")!
    /// What to send for the next page.
    static let iterationCursor = HTTPField.Name("x-iteration-cursor")!
    /// The same for pages by address, whose contract has a status of its own.
    static let pageToken = HTTPField.Name("x-page-token")!
    /// How many damaged parts an answer is without, and which.
    static let unseenCount = HTTPField.Name("x-unseen-parts")!
    static let unseen = HTTPField.Name("x-unseen")!
}
