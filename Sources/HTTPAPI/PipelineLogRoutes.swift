// A pipeline's records by time, page by page: `pipelines/get_logs`.
//
// Invariants:
//  * All pages of one cursor are one answer about one cut: what is appended meanwhile is not in it.
//  * `x-iteration-status` is All on the last page alone, and then there is no cursor.

import Catalog
import EventLog
import HTTPTypes
import Hummingbird
import JSON
import Queries
import Records
import Store
import Wire

struct PipelineLogRoutes {
    let store: InferenceStore
    let lineReaders: LineReaders

    var routes: [Route] { [.question("/v1/api/pipelines/get_logs", logs)] }

    @Sendable func logs(_ request: Request, _ context: APIContext) async throws -> Response {
        let body = try await request.document()
        let name = try body["pipeline_name"].string()
        let workspaceID: WorkspaceID? = try body["workspace_id"].optional?.identifier()
        let pipeline = try store.catalog.pipeline(named: name, in: workspaceID)
        let whole = store.view
        let view = whole.snapshot
        let question = PageToken.Question(
            topic: pipeline.topic.name, window: try period(body), filter: try RecordFilter(body),
            newestFirst: try isNewestFirst(body["order"]))
        let token = try PageToken(
            body["cursor"].optional?.string(), "cursor", for: question, in: view)
        if case .address? = token?.place {
            throw body["cursor"].refused("\(PageToken.Refusal.otherQuestion)")
        }
        let cut = token?.cut ?? view.cut
        let filter = try whole.meant(by: question.filter, of: pipeline, at: cut)
        var selection = try request.fieldSelection()
        // As the contract's service shows them: who answered is shown where it is asked for.
        if selection == .all { selection.excluded = ["metadata"] }
        let form = RecordForm.nested
        let size = try body["page_size"].optional?.integer(in: 1...LogRoutes.pageRecordCountMax)
        func reading(_ limit: Int) -> RecordReading {
            RecordReading(
                at: view.cut, topic: question.topic, window: question.window, filter: filter,
                order: .time(newestFirst: question.newestFirst), from: token, limit: limit)
        }
        if request.wantsLines {
            return Response(
                lines: reading(size ?? .max), of: store.log, form: form, fields: selection, for: context,
                in: try lineReaders.enter())
        }
        let format = try request.answerFormat()
        var page = RecordPage(
            reading(size ?? 1000), in: view, form: form, fields: selection, within: LogRoutes.pageByteCountMax
        )
        let bytes =
            switch format {
            case .json(let text): try page.write(as: text)
            case .arrow(let arrow): try page.write(as: arrow)
            }
        var response = Response(bytes: bytes, contentType: format.contentType)
        let isLast = !page.isCut && page.reading.isEnded
        response.headers[.iterationStatus] = page.isCut ? "ByteLimited" : isLast ? "All" : "RecordLimited"
        if !isLast, let place = page.reading.place {
            response.headers[.iterationCursor] = PageToken(cut: cut, place: place).text(for: question)
        }
        response.note(page.reading.unseen)
        return response
    }

    /// Newest first, as the contract says where nothing else is said.
    private func isNewestFirst(_ field: JSONField) throws -> Bool {
        guard let order = try field.optional?.string() else { return true }
        switch order.lowercased() {
        case "asc": return false
        case "desc": return true
        default: throw field.refused("is \"\(order)\"; it must be Asc or Desc")
        }
    }

    /// `start_time` and `end_time`, both belonging to the range, to the millisecond.
    private func period(_ body: JSONField) throws -> TimeWindow {
        let start = try body["start_time"].optional?.timestamp() ?? TimeWindow.always.start
        guard let end = try body["end_time"].optional?.timestamp() else {
            return TimeWindow(start: start, end: TimeWindow.always.end)
        }
        guard start <= end else {
            throw body["end_time"].refused("is before \"start_time\"; exchange them, or give a later one")
        }
        let past = Timestamp(milliseconds: end.milliseconds).adding(TimeSpan(microseconds: 1000))
        return TimeWindow(start: start, end: max(past, start))
    }
}
