// Questions to a deployed pipeline: rows in, logged records out, as JSON or as Arrow.
//
// An answer is in the format that `Accept` names; where it names none, in the question's own.

import EventLog
import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import Queries
import Records
import Store
import Wire

struct InferenceRoutes {
    let store: InferenceStore

    var routes: [Route] {
        [.post("/v1/api/pipelines/infer/:deployment/:pipeline", infer)]
    }

    @Sendable func infer(_ request: Request, _ context: APIContext) async throws -> Response {
        let deployment = try context.parameters.component("deployment")
        let pipeline = try context.parameters.component("pipeline")
        // What is wrong with the question about the answer is said before anything is logged.
        let form = try request.recordForm()
        var selection = try request.fieldSelection()
        // The first generation of clients counts these in every answer, whatever it asked to be shown.
        selection.included.append("check_failures")
        selection.excluded.removeAll { $0 == "check_failures" }
        let format = try request.recordFormat()
        let answerFormat = try request.answerFormat(preferred: format)
        let keyText = try request.idempotencyKey()
        let body = try await request.bytes(upTo: RequestLimits.recordsByteCountMax)
        var headers = HTTPFields([HTTPField(name: .contentType, value: answerFormat.contentType)])
        let rows: RecordRows
        if let keyText {
            let topic = try store.deployed(deployment, pipeline).pipeline.topic.name
            let key = request.key(keyText, topic: topic, body: body, at: store.sources.now())
            switch try await store.log.once(
                key, { try await answer(body, format, deployment, pipeline, key) })
            {
            case .done(let records): rows = RecordRows(all: records)
            case .before(let span):
                // The stored records once more: what was answered is what was logged.
                rows = try store.records(span)
                headers[.idempotentReplayed] = "true"
            }
        } else {
            rows = RecordRows(all: try await answer(body, format, deployment, pipeline, nil))
        }
        return Response(
            status: .ok, headers: headers,
            body: ResponseBody(
                byteBuffer: ByteBuffer(
                    bytes: try bytes(of: rows, as: answerFormat, form: form, fields: selection))))
    }

    private func bytes(
        of rows: RecordRows, as format: RecordFormat, form: RecordForm, fields selection: FieldSelection
    ) throws -> [UInt8] {
        switch format {
        case .arrow(let format):
            return try ArrowWriter(as: format, form: form, fields: selection)
                .bytes(of: rows.batches, rows: rows.rows)
        case .json(let text):
            var writer = RecordWriter(as: text, form: form, fields: selection)
            let prepared = rows.batches.map { writer.prepare($0) }
            for (batch, row) in rows.rows { writer.write(row: row, of: prepared[batch]) }
            return writer.finish()
        }
    }

    private func answer(
        _ body: ByteBuffer, _ format: RecordFormat, _ deployment: String, _ pipeline: String,
        _ key: RequestKey?
    ) async throws -> RecordBatch {
        let start = store.sources.monotonicNanoseconds()
        let parsed = try format.parse(body)
        let elapsed = store.sources.monotonicNanoseconds() - start
        guard parsed.batch.rowCount > 0 else {
            throw RequestRefusal(.badRequest, "the request has no rows; send at least one")
        }
        guard parsed.timeAbsent.count == parsed.batch.rowCount else {
            throw FieldError(
                field: "time", problem: "is not a model's input; an inference's time is when it was answered")
        }
        return try await store.infer(
            deployment: deployment, pipelineName: pipeline, parsed.batch, parseNanoseconds: elapsed, key: key)
    }
}

extension RecordRows {
    /// All rows of a batch.
    fileprivate init(all batch: RecordBatch) {
        self.init()
        batches = [batch]
        rows = (0..<batch.rowCount).map { (0, $0) }
    }
}

/// The media type of rows as a JSON list.
let recordsContentType = "application/json; format=pandas-records"

extension Request {
    /// Flat keys where `dataset.separator` asks for them, nested objects where it is absent.
    func recordForm() throws -> RecordForm {
        switch try query("dataset.separator").first {
        case nil, "": .nested
        case ".": .flat
        case .some(let other):
            throw FieldError(
                field: "dataset.separator", problem: "is \"\(other)\"; the separator is \".\"")
        }
    }

    /// The fields that `dataset[]` names, all but those that `dataset.exclude[]` does.
    func fieldSelection() throws -> FieldSelection {
        FieldSelection(
            included: try query("dataset[]") + query("dataset"),
            excluded: try query("dataset.exclude[]") + query("dataset.exclude"))
    }
}
