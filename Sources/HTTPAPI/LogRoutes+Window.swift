// One number of every record of a window, or what they are together, with the plan where it is asked for.
//
//     {"path": "output dense_1 0", "start": …, "end": …, "summary": true, "explain": true}
//
// Invariants:
//  * The answer is the command line's (Store: WindowAnswer.swift): it names its cut, and what it could not see.
//  * A member that is not known is refused: it was meant to narrow the answer.
//  * A window too wide for one answer is refused before anything is read, with what to do instead.

import EventLog
import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import Queries
import Records
import Store

extension LogRoutes {
    /// Records that one window question reads: their numbers take 16 bytes each until it is answered.
    static let windowRecordCountMax = 10_000_000
    /// Values that one answer lists.
    static let windowValueCountMax = 1_000_000

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
            topic: snapshot.index.topics[topic], window: query.window, filter: query.filter, cut: query.cut)
        guard plan.recordCountMax <= LogRoutes.windowRecordCountMax else {
            throw FieldError(
                field: "start",
                problem: "and \"end\" hold up to \(plan.recordCountMax) records; one answer reads "
                    + "\(LogRoutes.windowRecordCountMax): ask for shorter windows")
        }
        let answer = try WindowAnswer(
            query, of: snapshot, wantsTimes: !isSummary, clock: store.sources.monotonicNanoseconds)
        guard try !answer.isOfUnknownPath() else {
            throw body["path"].refused(
                "is \"\(query.path.text)\", and no record there has a number at it; write "
                    + "\"input|output field index\" with a field that the records have")
        }
        guard isSummary || answer.values.times.count <= LogRoutes.windowValueCountMax else {
            throw FieldError(
                field: "start",
                problem: "and \"end\" hold \(answer.values.times.count) records; one answer lists "
                    + "\(LogRoutes.windowValueCountMax) values: ask for shorter windows, or for the \"summary\""
            )
        }
        var response =
            isSummary
            ? Response(json: answer.document(withSummary: true, withPlan: isExplained))
            : Response(
                status: .ok, headers: [.contentType: "application/json"],
                body: LogRoutes.body(answer.pieces(withPlan: isExplained), for: context))
        response.note(answer.values.statistics.unseen)
        return response
    }

    /// An answer that is written as the client takes it.
    private static func body(_ pieces: WindowAnswer.Pieces, for context: APIContext) -> ResponseBody {
        ResponseBody { output in
            let client = context.client
            for piece in pieces {
                if client?.isGone ?? false { throw CancellationError() }
                try await output.write(ByteBuffer(bytes: piece))
            }
            try await output.finish(nil)
        }
    }
}
