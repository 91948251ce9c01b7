// The log itself: append records to a topic's partition, page them back.
//
// Invariants:
//  * An append is answered once its records are durable, with the addresses they got.
//  * A page's `next` goes on exactly after it, whatever was appended meanwhile.

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

struct LogRoutes {
    let store: InferenceStore
    let lineReaders: LineReaders

    /// The most records of a page.
    static let pageRecordCountMax = 10_000
    /// Bytes of a page, past which it ends.
    static let pageByteCountMax = 10_240_000

    /// Bytes of a page's status, past which it does not say where each partition goes on: Python's client and others
    /// refuse a header's line of more than 64 KiB.
    private static let statusByteCountMax = 48 << 10

    /// What a page's query may name. Another name was meant to narrow the answer.
    private static let pageParameters: Set<String> = [
        "page_size", "page_bytes", "page_token", "order", "time.start", "time.end", "partition_filter",
        "model_name", "pipeline_version", "dataset", "dataset[]", "dataset.exclude", "dataset.exclude[]",
        "dataset.separator", "dataset.max_bytes",
    ]

    /// What an append's query may name. Another name was meant to declare something.
    private static let appendParameters: Set<String> = ["edge", "float32"]

    var routes: [Route] {
        ["/v1/logs", ""].flatMap { prefix -> [Route] in
            [
                .post("\(prefix)/topic/:topic/partition/:partition", append),
                .question("\(prefix)/topic/:topic/records", page),
                .question("\(prefix)/topic/:topic/window", window),
                .get("\(prefix)/topic/:topic", topic),
                .get("\(prefix)/topics", topics),
            ]
        }
    }

    // MARK: Append

    @Sendable func append(_ request: Request, _ context: APIContext) async throws -> Response {
        let (topic, pipeline) = try knownTopic(context)
        let partition = try context.parameters.component("partition")
        let known = store.log.snapshot().index.topics[topic]?.nextIndexes ?? [:]
        if let problem = RecordLimits.problem(ofPartition: partition, beside: known) {
            throw FieldError(field: "partition", problem: problem)
        }
        try request.refuseParameters(besides: LogRoutes.appendParameters)
        let format = try request.recordFormat()
        let keyText = try request.idempotencyKey()
        var post = Post(
            format: format, float32: try float32Fields(request), isFromEdge: try isFromEdge(request),
            pipeline: pipeline,
            source: AppendSource(topic: topic, partition: partition))
        post.body = try await request.bytes(upTo: RequestLimits.recordsByteCountMax)
        guard let keyText else {
            let (span, problem) = try await append(post, key: nil)
            return spanResponse(span, float32Problem: problem)
        }
        let key = request.key(keyText, topic: topic, body: post.body, at: store.sources.now())
        switch try await store.log.once(key, { try await append(post, key: key) }) {
        case .done(let (span, problem)): return spanResponse(span, float32Problem: problem)
        case .before(let span):
            // Of what is in the log already nothing is read.
            var response = spanResponse(span)
            response.headers[.idempotentReplayed] = "true"
            return response
        }
    }

    /// Whether `edge` says so, as JSON, Python and shells write it. What may mean either is refused.
    private func isFromEdge(_ request: Request) throws -> Bool {
        let answers = Set(
            try request.query("edge").map { text in
                switch text.lowercased() {
                case "true", "1": true
                case "false", "0": false
                default:
                    throw FieldError(field: "edge", problem: "is \"\(text)\"; it must be true or false")
                }
            })
        guard answers.count <= 1 else {
            throw FieldError(field: "edge", problem: "is given as true and as false; send one of them")
        }
        return answers.contains(true)
    }

    /// The fields that `float32` declares, each by itself: a name may hold a comma, but two names are no name.
    private func float32Fields(_ request: Request) throws -> [String] {
        let names = try request.query("float32")
        for name in names {
            guard !name.isEmpty else {
                throw FieldError(field: "float32", problem: "is empty; name a field, or leave it out")
            }
            let isList = name.utf8.split(separator: UInt8(ascii: ",")).dropFirst().contains {
                let part = $0.drop { $0 == UInt8(ascii: " ") }
                return part.starts(with: "in.".utf8) || part.starts(with: "out.".utf8)
            }
            guard !isList else {
                throw FieldError(
                    field: "float32",
                    problem: "is \"\(name)\", which are several fields; repeat it: float32=…&float32=…")
            }
        }
        return names
    }

    /// What one request wants appended, not read yet.
    private struct Post {
        var body = ByteBuffer()
        var format: RecordFormat
        /// The fields that the request declares to hold float32 numbers.
        var float32: [String]
        var isFromEdge: Bool
        var pipeline: Pipeline
        var source: AppendSource
    }

    /// Parses and stores a body; no records get no addresses, at the place where the next ones go.
    ///
    /// - Returns: also what is wrong with the fields it declares, which keeps no record from being taken.
    private func append(
        _ post: Post, key: RequestKey?
    ) async throws -> (span: AppendedSpan, float32Problem: String?) {
        let float32Fields = post.pipeline.float32Fields.union(Set(exactly: post.float32))
        let declaration = RecordDeclaration(
            of: post.pipeline.id, float32Fields: post.float32, isFromEdge: post.isFromEdge)
        let isKnown = declaration.isKnown(to: store.catalog, of: post.source.partition)
        // A record without a time happened now, as far as we know.
        let now = store.sources.now().milliseconds
        // What declares fields is read here: the answer says which of them its records do not have.
        if case .json(let text) = post.format, isKnown, post.float32.isEmpty,
            let posted = PostedRecords(
                post.body, as: text, float32Fields: float32Fields, time: now, to: post.source)
        {
            return (try await store.append(posted, key: key), nil)
        }
        var parsed = try post.format.parse(post.body, float32Fields: float32Fields)
        for row in parsed.timeAbsent { parsed.batch.times[Int(row)] = now }
        guard parsed.batch.rowCount > 0 else {
            let (topic, partition) = (post.source.topic, post.source.partition)
            try await store.declare(declaration, of: partition)
            let next = store.log.snapshot().index.topics[topic]?.nextIndexes[partition] ?? 0
            return (AppendedSpan(topic: topic, partition: partition, firstIndex: next, endIndex: next), nil)
        }
        var declared = DeclaredFields(post.float32)
        declared.look(at: parsed.batch)
        let problems = declared.problems.map { "\"\($0.field)\": \($0.problem)" }
        let span = try await store.append(
            parsed.batch, topic: post.source.topic, partition: post.source.partition,
            declaring: declaration, key: key)
        return (span, problems.isEmpty ? nil : problems.joined(separator: "; "))
    }

    /// - Parameter problem: of the fields that the request declares; its member is there only where it is.
    private func spanResponse(_ span: AppendedSpan, float32Problem problem: String? = nil) -> Response {
        // Piece by piece: every append is answered so.
        var body = ByteBuffer()
        body.reserveCapacity(64)
        body.writeStaticString("{\"span\":{\"start\":")
        body.writeString(String(span.firstIndex))
        body.writeStaticString(",\"end\":")
        body.writeString(String(span.endIndex))
        body.writeStaticString("}")
        if let problem { body.writeString(",\"float32_problem\":\(JSONValue.string(problem).text)") }
        body.writeStaticString("}")
        return Response(body, contentType: "application/json")
    }

    /// The request's topic, which must be a pipeline's: a record nobody can ask for is a lost record.
    @discardableResult
    func knownTopic(_ context: APIContext) throws -> (name: String, pipeline: Pipeline) {
        let name = try context.parameters.component("topic")
        guard let pipeline = store.pipeline(ofTopic: name) else {
            throw StoreRefusal(
                .unknown,
                "there is no topic \"\(name)\"; a topic belongs to a pipeline: create the pipeline and ask "
                    + "/v1/api/plateau/get_topic_name for its topic")
        }
        return (name, pipeline)
    }

    // MARK: Pages

    @Sendable func page(_ request: Request, _ context: APIContext) async throws -> Response {
        let topic = try context.parameters.component("topic")
        try request.refuseParameters(besides: LogRoutes.pageParameters)
        if request.wantsLines { return try await lines(request, topic, context) }
        let format = try request.answerFormat()
        let limit = try count("page_size", request).map { min($0, LogRoutes.pageRecordCountMax) } ?? 1000
        let byteLimit = min(
            try count("page_bytes", request) ?? count("dataset.max_bytes", request) ?? .max,
            LogRoutes.pageByteCountMax)
        let newestFirst = try isNewestFirst(request)
        let window = try window(request)
        if newestFirst && window != .always {
            throw RequestRefusal(
                .badRequest, "invalid query: a time range is answered in ascending order only")
        }
        let snapshot = store.log.snapshot()
        let question = PageToken.Question(
            topic: topic, window: window, filter: try request.recordFilter(), newestFirst: newestFirst)
        let (positions, partition, cut) = try await start(request, question, snapshot)
        let reading = RecordReading(
            at: cut ?? snapshot.cut, topic: topic, window: window, filter: question.filter,
            order: .address(newestFirst: newestFirst), positions: positions, partition: partition,
            limit: limit)
        func state(_ page: RecordPage) -> String {
            page.isCut ? "ByteLimited" : page.rowCount >= limit ? "RecordLimited" : "All"
        }
        func status(_ page: RecordPage) -> String {
            let next = page.reading.positions.sorted { $0.key < $1.key }.map {
                ($0.key, JSONValue.integer($0.value))
            }
            return JSONValue.object(("status", .string(state(page))), ("next", .object(JSONObject(next))))
                .text
        }
        var page = RecordPage(
            reading, in: snapshot, form: try request.recordForm(), fields: try request.fieldSelection(),
            within: byteLimit)
        let bytes =
            switch format {
            case .json(let text): try page.write(as: text)
            // An Arrow file says within itself where it ends.
            case .arrow(let arrow): try page.write(as: arrow, status: status)
            }
        var response = Response(bytes: bytes, contentType: format.contentType)
        let text = status(page).escapedForHeader
        response.headers[.iterationStatus] =
            text.utf8.count <= LogRoutes.statusByteCountMax
            ? text : JSONValue.object(("status", .string(state(page)))).text
        if state(page) != "All", let place = page.reading.place {
            response.headers[.pageToken] = PageToken(cut: reading.cut, place: place).text(for: question)
        }
        response.note(page.reading.unseen)
        return response
    }

    /// All records from the positions on, each a line, in ascending order.
    private func lines(_ request: Request, _ topic: String, _ context: APIContext) async throws -> Response {
        guard try !isNewestFirst(request) else {
            throw RequestRefusal(
                .badRequest,
                "invalid query: lines are answered in ascending order; pipelines/get_logs has both")
        }
        let snapshot = store.log.snapshot()
        let question = PageToken.Question(
            topic: topic, window: try window(request), filter: try request.recordFilter(), newestFirst: false)
        let (positions, partition, cut) = try await start(request, question, snapshot)
        let reading = RecordReading(
            at: cut ?? snapshot.cut, topic: topic, window: question.window, filter: question.filter,
            order: .address(newestFirst: false), positions: positions, partition: partition,
            limit: try count("page_size", request) ?? .max)
        return Response(
            lines: reading, of: store.log, form: try request.recordForm(),
            fields: try request.fieldSelection(), for: context, in: try lineReaders.enter())
    }

    /// Where a page starts: at the positions of the body, with all that the log holds; or at a token's,
    /// with what it held at the token's cut.
    private func start(
        _ request: Request, _ question: PageToken.Question, _ snapshot: LogSnapshot
    ) async throws -> (positions: [String: UInt64], partition: String?, cut: CommitNumber?) {
        var positions: [String: UInt64] = [:]
        for member in try await request.document().object().members {
            let field = JSONField(member.value, path: member.key)
            let position = try field.integer()
            guard position >= 0 else { throw field.refused("must not be negative") }
            positions[member.key] = UInt64(position)
        }
        let field = "page_token"
        guard let token = try PageToken(try request.query(field).first, field, for: question, in: snapshot)
        else {
            return (positions, nil, nil)
        }
        guard positions.isEmpty else {
            throw FieldError(
                field: field, problem: "says where the page starts, and so does the body; send one of them")
        }
        guard case .address(let place) = token.place else {
            throw FieldError(field: field, problem: "\(PageToken.Refusal.otherQuestion)")
        }
        return (place.positions, place.partition, token.cut)
    }

    /// A whole number above 0 in the query; nil where it is left out.
    private func count(_ name: String, _ request: Request) throws -> Int? {
        guard let text = try request.query(name).first else { return nil }
        guard let count = Int(text), count >= 1 else {
            throw FieldError(
                field: name, problem: "is \"\(text)\"; it must be a whole number from 1 to \(Int.max)")
        }
        return count
    }

    private func isNewestFirst(_ request: Request) throws -> Bool {
        switch try request.query("order").first?.lowercased() {
        case nil, "asc": false
        case "desc": true
        case .some(let other):
            throw FieldError(field: "order", problem: "is \"\(other)\"; it must be asc or desc")
        }
    }

    /// `time.start` and `time.end`, both belonging to the range, to the millisecond.
    private func window(_ request: Request) throws -> TimeWindow {
        func moment(_ name: String) throws -> Timestamp? {
            guard let text = try request.query(name).first else { return nil }
            return try JSONField(.string(text), path: name).timestamp()
        }
        switch (try moment("time.start"), try moment("time.end")) {
        case (nil, nil): return .always
        case (let start?, let end?):
            guard start <= end else {
                throw FieldError(
                    field: "time.end", problem: "is before time.start; exchange them, or give a later one")
            }
            let past = Timestamp(milliseconds: end.milliseconds).adding(TimeSpan(microseconds: 1000))
            return TimeWindow(start: start, end: max(past, start))
        default:
            throw FieldError(
                field: "time.start", problem: "and \"time.end\" are given together or not at all")
        }
    }

    // MARK: Topics

    @Sendable func topic(_ request: Request, _ context: APIContext) async throws -> Response {
        let name = try context.parameters.component("topic")
        guard let index = store.log.snapshot().index.topics[name] else {
            _ = try knownTopic(context)
            return Response(json: .object(("partitions", .object(JSONObject())), ("bytes", .integer(0))))
        }
        // What retention or a deletion let go is not there any more.
        let starts = index.firstIndexes
        let partitions = index.nextIndexes.sorted { $0.key < $1.key }.map { partition, end in
            let start = starts[partition] ?? end
            return (partition, JSONValue.object(("start", .integer(start)), ("end", .integer(end))))
        }
        return Response(
            json: .object(
                ("partitions", .object(JSONObject(partitions))), ("bytes", .integer(index.byteCount))))
    }

    @Sendable func topics(_ request: Request, _ context: APIContext) async throws -> Response {
        // One whose records were deleted comes back with its next record.
        let index = store.log.snapshot().index.topics
        let names = Set(store.catalog.pipelines.all.map(\.topic.name))
            .union(index.keys).filter { !(index[$0]?.isDeleted ?? false) }
        return Response(
            json: .object(("topics", .array(names.sorted().map { .object(("name", .string($0))) }))))
    }
}

extension PostedRecords {
    /// Nil where the body has rows enough to be read by itself, or none.
    fileprivate init?(
        _ body: ByteBuffer, as text: RecordText, float32Fields: Set<ExactText>, time: Int64,
        to source: AppendSource
    ) {
        guard body.readableBytes <= PostedRecords.byteCountMax else { return nil }
        self.init(
            Array(body.readableBytesView), as: text, float32Fields: float32Fields, time: time, to: source)
    }
}
