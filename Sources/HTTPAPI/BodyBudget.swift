// A bound on the bodies that are held at once, of all requests together: memory stays flat however
// many clients send however much.
//
// Invariants:
//  * The bodies being received, parsed and stored are at most `byteCountMax` together, a quarter more, and one
//    large one, which was bounded by its route. One of more than a sixty-fourth that finds no room is taken
//    beyond the bound while no other of about its size is there (EventLog/PlacesBeyond.swift): it gets its turn
//    however steadily ones of half its size or less come (of an eighth or less, where it is larger), and takes
//    none of their room.
//  * A body that comes slower than `BodyRate` allows is refused: it would hold its share for as long as it likes.
//  * A request that would be past it is refused with 429, before its body is read where its length
//    is stated. Half-received bodies do not starve each other: a stated length is taken as a whole.
//    A body that states none is as large as what has come of it: its beginning needs room like a small one's.
//
// A refusal is counted by whose records the body was to bring, where its path says so.
//
// Uploads of models are not counted: they go to the disk piece by piece.

import EventLog
import HTTPTypes
import Hummingbird
import Store
import Synchronization

final class BodyBudget: Sendable {
    private struct State {
        /// Of the bodies within the bound.
        var byteCount = 0
        var beyond: PlacesBeyond
        var refusalCount = 0
    }

    let byteCountMax: Int
    /// How long a body may take before it has to come at `BodyRate`'s pace.
    let grace: Duration
    private let state: Mutex<State>

    /// One request's part of it.
    final class Share: Sendable {
        private let budget: BodyBudget
        private let held = Mutex(Held())

        fileprivate init(_ budget: BodyBudget) { self.budget = budget }

        /// Takes `more` bytes.
        func grow(by more: Int) throws {
            try held.withLock { held in held = try budget.take(more, having: held) }
        }

        func end() { budget.giveBack(held.withLock { $0 }) }
    }

    /// What a share has.
    fileprivate struct Held {
        var byteCount = 0
        /// Its place beyond the bound; nil where it is within.
        var place: PlacesBeyond.Place?
    }

    init(byteCountMax: Int = 64 << 20, grace: Duration = .seconds(30)) {
        self.byteCountMax = byteCountMax
        self.grace = grace
        state = Mutex(State(beyond: PlacesBeyond(byteCountMax: byteCountMax)))
    }

    /// Bytes held now, and requests refused so far.
    var figures: (byteCount: Int, refusalCount: Int) {
        state.withLock { ($0.byteCount + $0.beyond.byteCount, $0.refusalCount) }
    }

    /// A new request's share, empty.
    func share() -> Share {
        Share(self)
    }

    private func take(_ more: Int, having own: Held) throws -> Held {
        let held: Held? = state.withLock { state in
            var held = Held(byteCount: own.byteCount + more)
            if let place = own.place {
                held.place = state.beyond.grow(place, to: held.byteCount)
            } else if state.byteCount + more <= byteCountMax {
                state.byteCount += more
                return held
            } else {
                held.place = state.beyond.take(held.byteCount)
                if held.place != nil { state.byteCount -= own.byteCount }
            }
            if held.place != nil { return held }
            state.refusalCount += 1
            return nil
        }
        guard let held else {
            var refusal = RequestRefusal(
                .tooManyRequests,
                "the bodies of requests under way fill the \(byteCountMax) bytes there are for them; nothing "
                    + "was stored, try again shortly")
            refusal.headers[.retryAfter] = "1"
            throw refusal
        }
        return held
    }

    private func giveBack(_ held: Held) {
        state.withLock { state in
            if let place = held.place {
                state.beyond.giveBack(place)
            } else {
                state.byteCount -= held.byteCount
            }
        }
    }
}

extension InferenceStore {
    /// Counts a refused body by its source: an append's, or an inference's. What names none that there is, is
    /// counted by the budget alone.
    func noteRefusedBody(of parameters: Parameters) {
        if let topic = try? parameters.component("topic"), pipeline(ofTopic: topic) != nil,
            let partition = try? parameters.component("partition")
        {
            log.noteRefusedBody(of: AppendSource(topic: topic, partition: partition))
        } else if let name = try? parameters.component("pipeline"),
            let deployment = try? parameters.component("deployment"),
            let topic = try? deployed(deployment, name).pipeline.topic.name
        {
            log.noteRefusedBody(of: AppendSource(topic: topic, partition: configuration.enginePartition))
        }
    }
}

/// How fast a body has to come, once it has had `grace`.
final class BodyRate: Sendable {
    private let grace: Duration
    private let bytesPerSecond: Double
    private let begin = ContinuousClock.now
    private let byteCount = Mutex(0)

    init(grace: Duration, bytesPerSecond: Double = 4096) {
        self.grace = grace
        self.bytesPerSecond = bytesPerSecond
    }

    /// Notes that `more` bytes have come.
    ///
    /// - Throws: 408 where all that have come are too few for the time.
    func note(_ more: Int, at now: ContinuousClock.Instant = .now) throws {
        let count = byteCount.withLock { count in
            count += more
            return count
        }
        let time = now - begin
        guard time > grace, Double(count) < time / .seconds(1) * bytesPerSecond else { return }
        throw RequestRefusal(
            .requestTimeout,
            "the body came slower than \(Int(bytesPerSecond)) bytes a second, \(count) bytes in "
                + "\(time.components.seconds) seconds; nothing was stored")
    }
}

/// Counts each request's body from its first byte to its answer.
struct BodyBudgetMiddleware<Context: RequestContext>: RouterMiddleware {
    let budget: BodyBudget
    /// Told of every refusal.
    let whenRefused: @Sendable (Context) -> Void
    /// Below, a body is counted without a look at its path: most requests are a record or a question.
    private let smallByteCount = 16 << 10

    init(budget: BodyBudget, whenRefused: @escaping @Sendable (Context) -> Void = { _ in }) {
        self.budget = budget
        self.whenRefused = whenRefused
    }

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        let stated = request.headers.statedByteCount
        // Past the largest limit there is, the route says so better than the budget.
        guard stated != 0, request.method == .post || request.method == .put,
            stated ?? 0 <= RequestLimits.recordsByteCountMax,
            stated ?? .max < smallByteCount || !ModelRoutes.isUpload(request.uri.path)
        else { return try await next(request, context) }
        let share = budget.share()
        defer { share.end() }
        /// Takes `byteCount` more bytes.
        @Sendable func grow(by byteCount: Int) throws {
            do { try share.grow(by: byteCount) } catch {
                whenRefused(context)
                throw error
            }
        }
        var request = request
        if let stated {
            try grow(by: stated)
            if stated >= smallByteCount {
                let rate = BodyRate(grace: budget.grace)
                request.body = RequestBody(
                    asyncSequence: request.body.map { piece in
                        try rate.note(piece.readableBytes)
                        return piece
                    })
            }
            return try await next(request, context)
        }
        request.body = RequestBody(
            asyncSequence: request.body.map { piece in
                try grow(by: piece.readableBytes)
                return piece
            })
        return try await next(request, context)
    }
}
