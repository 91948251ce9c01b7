// Questions to a deployed pipeline: pandas-records in, logged records out.

import HTTPTypes
import Hummingbird
import JSON
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
        switch request.mediaType {
        case "application/json", "": break
        default:
            throw RequestRefusal(
                .unsupportedMediaType,
                "inference takes application/json; format=pandas-records, not \(request.mediaType)")
        }
        let body = try await request.bytes(upTo: RequestLimits.recordsByteCountMax)
        let start = store.sources.monotonicNanoseconds()
        let parsed = try body.withUnsafeReadableBytes { try RecordParser.parse($0, as: .array) }
        let elapsed = store.sources.monotonicNanoseconds() - start
        guard parsed.batch.rowCount > 0 else {
            throw RequestRefusal(.badRequest, "the request has no rows; send a list of at least one object")
        }
        guard parsed.timeAbsent.count == parsed.batch.rowCount else {
            throw FieldError(
                field: "time", problem: "is not a model's input; an inference's time is when it was answered")
        }
        let records = try await store.infer(
            deployment: deployment, pipelineName: pipeline, parsed.batch, parseNanoseconds: elapsed)
        var writer = RecordWriter(form: form, fields: selection)
        writer.write(records)
        return Response(bytes: writer.finish(), contentType: recordsContentType)
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
