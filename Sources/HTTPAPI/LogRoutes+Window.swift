// One number of every record of a window, or what they are together, with the plan where it is asked for.
//
//     {"path": "output dense_1 0", "start": …, "end": …, "summary": true, "explain": true}
//
// Invariants:
//  * The answer names its cut, and what it could not see.
//  * A member that is not known is refused: it was meant to narrow the answer.
//  * A window too wide for one answer is refused before anything is read, with what to do instead.

import Assays
import EventLog
import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import Queries
import Records
import Summaries

extension LogRoutes {
    /// Records that one window question reads: their numbers take 16 bytes each until it is answered.
    static let windowRecordCountMax = 10_000_000
    /// Values that one answer lists.
    static let windowValueCountMax = 1_000_000
    /// Bytes gathered before they are written.
    private static let pieceByteCount = 1 << 17

    @Sendable func window(_ request: Request, _ context: APIContext) async throws -> Response {
        let (topic, pipeline) = try knownTopic(context)
        let body = try await request.document()
        try body.refuseMembers(besides: [
            "path", "start", "end", "locations", "model_name", "pipeline_version", "summary", "explain",
        ])
        let window = try body.openPeriod()
        let view = store.view
        let snapshot = view.snapshot
        let query = WindowQuery(
            topic: topic, window: window, path: try body["path"].ioPath(),
            filter: try view.meant(by: try RecordFilter(body), of: pipeline, at: snapshot.cut))
        let isSummary = try body["summary"].optional?.bool() ?? false
        let isExplained = try body["explain"].optional?.bool() ?? false
        let plan = QueryPlan(
            topic: snapshot.index.topics[topic], window: query.window, filter: query.filter, cut: query.cut,
            explaining: isExplained)
        guard plan.recordCountMax <= LogRoutes.windowRecordCountMax else {
            throw FieldError(
                field: "start",
                problem: "and \"end\" hold up to \(plan.recordCountMax) records; one answer reads "
                    + "\(LogRoutes.windowRecordCountMax): ask for shorter windows")
        }
        let began = store.sources.monotonicNanoseconds()
        let values = try ColumnScan(snapshot).values(query, wantsTimes: !isSummary)
        let microseconds = (store.sources.monotonicNanoseconds() - began) / 1000
        try LogRoutes.refuseUnknownPath(body["path"], of: query, values, snapshot)
        guard isSummary || values.times.count <= LogRoutes.windowValueCountMax else {
            throw FieldError(
                field: "start",
                problem: "and \"end\" hold \(values.times.count) records; one answer lists "
                    + "\(LogRoutes.windowValueCountMax) values: ask for shorter windows, or for the \"summary\""
            )
        }
        var answer = JSONObject([
            ("topic", .string(topic)), ("path", .string(query.path.text)),
            ("start", window.start == TimeWindow.always.start ? .null : .zulu(window.start)),
            ("end", window.end == TimeWindow.always.end ? .null : .zulu(window.end)),
            ("cut", .integer(snapshot.cut)),
            ("unseen", .array(values.statistics.unseen.map(\.json))),
        ])
        if isSummary {
            for (name, value) in Summary(ofNumbers: SortedSample(values.values)).statistics {
                answer.append(name, value)
            }
        }
        if isExplained {
            answer.append("plan", plan.json)
            answer.append(
                "statistics",
                .object(JSONObject(values.statistics.members + [("microseconds", .integer(microseconds))])))
        }
        var response =
            isSummary
            ? Response(json: .object(answer))
            : Response(
                status: .ok, headers: [.contentType: "application/json"],
                body: LogRoutes.body(.object(answer), values, for: context))
        response.note(values.statistics.unseen)
        return response
    }

    /// Refuses a path at which no record has a number, whatever its time: a window that has records would be answered
    /// with NaN for each.
    private static func refuseUnknownPath(
        _ field: JSONField, of query: WindowQuery, _ values: ColumnValues, _ snapshot: LogSnapshot
    ) throws {
        var whenever = query
        (whenever.window, whenever.cut) = (.always, nil)
        guard
            try values.values.isEmpty || values.pathWasFound || !values.statistics.unseen.isEmpty
                || ColumnScan(snapshot).mayHaveNumbers(whenever)
        else {
            throw field.refused(
                "is \"\(query.path.text)\", and no record there has a number at it; write "
                    + "\"input|output field index\" with a field that the records have")
        }
    }

    /// The answer with its two long lists, written piece by piece as the client takes them.
    private static func body(
        _ answer: JSONValue, _ values: ColumnValues, for context: APIContext
    ) -> ResponseBody {
        ResponseBody { output in
            let client = context.client
            var writer = JSONWriter()
            answer.write(into: &writer.bytes)
            writer.bytes.removeLast()
            func flush() async throws {
                if client?.isGone ?? false { throw CancellationError() }
                try await output.write(ByteBuffer(bytes: writer.bytes))
                writer.bytes.removeAll(keepingCapacity: true)
            }
            writer.write(",\"times\":[")
            for (position, time) in values.times.enumerated() {
                if position > 0 { writer.write(byte: UInt8(ascii: ",")) }
                writer.write(time)
                if writer.bytes.count >= pieceByteCount { try await flush() }
            }
            writer.write("],\"values\":[")
            for (position, value) in values.values.enumerated() {
                if position > 0 { writer.write(byte: UInt8(ascii: ",")) }
                writer.write(value)
                if writer.bytes.count >= pieceByteCount { try await flush() }
            }
            writer.write("]}")
            try await output.write(ByteBuffer(bytes: writer.bytes))
            try await output.finish(nil)
        }
    }
}
