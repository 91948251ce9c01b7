// How far back assays look, beside how long their topics keep records. Where that is shorter, records go before
// the window or the baseline that holds them is whole, and its result says nothing of it:
//
//     records        ▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪
//     baseline       [          )
//     window                            [             )
//                    ├──── offset ──────┼── width ────┼─ grace ─┤ looked at
//     gone by then   ░░░░░░░░░░░│◄──────── age ─────────────────┤
//
// The policy is the user's and the stronger. So it is said: when an assay is created, in what shows it as long as
// that is so, and to whoever sets the policy. Of a bound in bytes nothing can be said beforehand.
//
// Invariants:
//  * It is said of an assay where, and as long as, a record may go by its age that a window or a baseline which is
//    not whole yet would hold.
//  * What is kept as long as is said to be needed is not said again.
//  * What is whole keeps nobody: it is sealed or pinned before its records go (InferenceStore+Sealing.swift).

import Assays
import EventLog
import Records

/// A part of an assay that is made of records, and how old the first of them are when it is whole.
private struct Reach {
    enum Part {
        case window
        case slidingBaseline
        case rollingBaseline
        case fixedBaseline

        var subject: String {
            switch self {
            case .window: "a window"
            case .slidingBaseline, .rollingBaseline: "the baseline of a window"
            case .fixedBaseline: "the fixed baseline"
            }
        }

        /// What to use instead, where records are not to be kept for longer.
        var remedy: String {
            switch self {
            case .window: "a shorter window"
            case .slidingBaseline: "a shorter window or offset"
            case .rollingBaseline: "a shorter window, or a baseline that begins later"
            case .fixedBaseline: "a shorter baseline, or one whose period is over"
            }
        }
    }

    let topic: String
    let part: Part
    /// What adds up to it.
    let spans: [TimeSpan]

    var length: TimeSpan {
        TimeSpan(microseconds: Int64(clamping: spans.reduce(Int128(0)) { $0 + Int128($1.microseconds) }))
    }

    var text: String { spans.map(\.text).joined(separator: " + ") }

    /// What is said, of one assay or of all of a topic.
    static func sentence(
        _ topic: String, keepsFor age: TimeSpan, _ reaching: String, isPlural: Bool = false,
        needs length: TimeSpan, or remedy: String
    ) -> String {
        "\(topic) keeps records for \(age.text), and \(reaching): records that are gone by then are missing in "
            + "\(isPlural ? "them" : "it"), and results do not say so; keep records for at least \(length.text), or "
            + "use \(remedy)"
    }
}

extension StoreView {
    /// Assays that are named at most.
    private static let namedCountMax = 8

    // MARK: One assay

    /// Why windows or a baseline of an assay are not made of all their records; nil where their topics keep them for
    /// as long as it takes, and where it is not active and makes none.
    ///
    /// - Parameter grace: how long after its end a window is looked at.
    package func retentionProblem(of assay: Assay, grace: TimeSpan) -> String? {
        guard assay.isActive, !retention.isEmpty else { return nil }
        return retentionProblem(of: assay.definition, assay.pin, grace: grace, at: sources.now())
    }

    /// The same of an assay of the second generation; nil also where its last run was made.
    package func retentionProblem(of assay: SeriesAssay, grace: TimeSpan) -> String? {
        guard !retention.isEmpty, assay.hasRunsToCome(at: sources.now()) else { return nil }
        return retentionProblem(of: assay.definition, grace: grace)
    }

    /// The same of an assay that is created.
    ///
    /// - Parameter pin: what its fixed baseline is by now; nil where that is open.
    func retentionProblem(
        of definition: AssayDefinition, _ pin: BaselinePin? = nil, grace: TimeSpan, at now: Timestamp
    ) -> String? {
        retentionProblem(of: reaches(of: definition, pin, grace: grace, at: now))
    }

    func retentionProblem(of definition: SeriesDefinition, grace: TimeSpan) -> String? {
        retentionProblem(of: reaches(of: definition, grace: grace))
    }

    private func retentionProblem(of reaches: [Reach]) -> String? {
        guard let reach = furthest(of: reaches), let age = retention[reach.topic]?.age else { return nil }
        return Reach.sentence(
            reach.topic, keepsFor: age,
            "\(reach.part.subject) reaches back \(reach.text) by the time it is whole",
            needs: reach.length, or: reach.part.remedy)
    }

    // MARK: All of a topic

    /// Which active assays reach further back than a topic keeps its records; nil where none does.
    package func retentionProblem(ofTopic topic: String, grace: TimeSpan) -> String? {
        guard let age = retention[topic]?.age else { return nil }
        let now = sources.now()
        var found: [(name: String, reach: Reach)] = []
        func look(_ name: String, _ reaches: [Reach]) {
            guard let reach = furthest(of: reaches.filter { $0.topic == topic }) else { return }
            found.append((name, reach))
        }
        for assay in book.list().reversed() where assay.isActive {
            look(
                "\(assay.id) (\(assay.definition.name))",
                reaches(of: assay.definition, assay.pin, grace: grace, at: now))
        }
        for assay in book.seriesList().reversed() where assay.hasRunsToCome(at: now) {
            look("\(assay.uuid) (\(assay.definition.name))", reaches(of: assay.definition, grace: grace))
        }
        // Those that reach furthest first, of one length the oldest.
        let order = found.indices.sorted {
            (found[$1].reach.length, $0) < (found[$0].reach.length, $1)
        }
        guard let first = order.first else { return nil }
        let named = order.prefix(Self.namedCountMax).map { "\(found[$0].name) \(found[$0].reach.text)" }
        let more = found.count > named.count ? " and \(found.count - named.count) more" : ""
        let who = found.count == 1 ? "1 assay reaches" : "\(found.count) assays reach"
        return Reach.sentence(
            topic, keepsFor: age,
            "\(who) further back by the time windows and baselines are whole, namely "
                + named.joined(separator: ", ") + more,
            isPlural: true, needs: found[first].reach.length, or: "shorter ones")
    }

    // MARK: How far they reach

    /// Which of `reaches` is past what its topic keeps, and furthest; nil where none is.
    private func furthest(of reaches: [Reach]) -> Reach? {
        reaches.filter { reach in retention[reach.topic]?.age.map { $0 < reach.length } ?? false }
            .max { $0.length < $1.length }
    }

    private func reaches(
        of definition: AssayDefinition, _ pin: BaselinePin?, grace: TimeSpan, at now: Timestamp
    ) -> [Reach] {
        let width = definition.window.width.span
        var reaches = reach(.window, of: definition.window, [width, grace])
        switch definition.baseline {
        case .summary, .vector: break
        case .slidingWindow(let spec, let offset):
            reaches += reach(.slidingBaseline, of: spec, [offset.span, width, grace])
        case .fixedWindow(let spec):
            // Kept as it was before its period was over, or not over yet.
            if let period = definition.baseline.period, pin.map({ $0.at < period.end }) ?? (period.end > now)
            {
                reaches += reach(.fixedBaseline, of: spec, [spec.width.span, grace])
            }
        }
        return reaches
    }

    /// Baselines of the second generation that do not move are what they were when the assay was scheduled.
    private func reaches(of definition: SeriesDefinition, grace: TimeSpan) -> [Reach] {
        guard let path = definition.paths.first else { return [] }
        let spec = definition.windowSpec(of: path)
        var reaches = reach(.window, of: spec, [definition.width, grace])
        if case .rolling(let start, _) = definition.baseline {
            let offset = TimeSpan(
                microseconds: definition.firstWindow.start.microseconds - start.microseconds)
            reaches += reach(.rollingBaseline, of: spec, [offset, definition.width, grace])
        }
        return reaches
    }

    /// None of a pipeline that is not there: it has no records.
    private func reach(_ part: Reach.Part, of spec: AssayWindowSpec, _ spans: [TimeSpan]) -> [Reach] {
        guard let topic = try? pipeline(of: spec).topic.name else { return [] }
        return [Reach(topic: topic, part: part, spans: spans)]
    }
}

extension SeriesAssay {
    /// Whether it makes windows yet.
    fileprivate func hasRunsToCome(at now: Timestamp) -> Bool { hasRunsLeft || nextRun(by: now) != nil }
}
