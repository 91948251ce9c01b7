// Which of many paths drifted: what a run over them found of each, most drifted first.
//
// The drift of a path is the mean, over its windows that have a score, of the score divided by what
// noise explains there (the 95 % line of NoiseLine): 1 is as much as chance would show in one window
// of twenty, whatever the sizes of the windows. A line below a hundredth of the alert threshold counts
// as that hundredth, so that a path which never varied is not ranked by a division by nearly nothing;
// where no line is known, the alert threshold stands for it.
//
// Invariants:
//  * Paths that drifted, which is by as much as noise explains or with an alert, come first, greatest first.
//    Then those of which windows hold no numbers, or none could be compared: who fell silent is not taken for
//    calm. First those that are silent still, then most such windows first. Then the rest, last those without
//    a window. Equals go by their drift, then by their paths.
//  * `alertSince` is the start of the first window of the last unbroken run of alerts; windows
//    without a score neither end a run nor belong to one.

import JSON
import Records

/// What was found of one path; fold its outcomes in, ascending by window.
package struct PathFinding: Hashable, Sendable {
    package let path: IOPath
    package private(set) var windowCount = 0
    package private(set) var scoredCount = 0
    package private(set) var warningCount = 0
    package private(set) var alertCount = 0
    /// Scored windows whose noise line lies above the alert threshold.
    package private(set) var tooFewCount = 0
    /// The greatest score, and where the first window with it starts; nil without a score.
    package private(set) var scoreMax: Double?
    package private(set) var scoreMaxWindow: Timestamp?
    /// Where the last unbroken run of alerts began, also when it is over; nil without an alert.
    package private(set) var alertSince: Timestamp?
    /// Whether the last window that has a score is an alert.
    package private(set) var isAlerting = false
    /// Why the path was not, or not wholly, compared.
    package var problem: String?
    /// Why its last window without a score has none.
    package private(set) var absence: String?
    /// Windows whose records have no number.
    package private(set) var noDataCount = 0
    /// What the last window came to; nil where there is none.
    package private(set) var lastStatus: AssayStatus?
    /// What a score is divided by at least, where no threshold says what is small.
    private static let leastScale = 1e-3
    private var scoreSum = 0.0
    private var ratioSum = 0.0

    package init(_ path: IOPath) { self.path = path }

    /// Over the windows that have a score; nil where none has.
    package var scoreMean: Double? { scoredCount == 0 ? nil : scoreSum / Double(scoredCount) }

    /// The mean of score over noise line, as the head of this file says; nil where no window has a score.
    package var drift: Double? { scoredCount == 0 ? nil : ratioSum / Double(scoredCount) }

    /// Why some of its windows have no score; nil where all have one.
    package var absenceText: String? {
        guard scoredCount < windowCount, let absence, let lastStatus else { return nil }
        let silent =
            noDataCount == 0
            ? "\(windowCount - scoredCount) of \(windowCount) windows have no score"
            : "\(noDataCount) of \(windowCount) windows hold no numbers"
        return "\(silent), the newest is \(lastStatus.rawValue): \(absence)"
    }

    /// Takes in one window's outcome; windows come ascending, each once.
    package mutating func add(_ outcome: AssayOutcome) {
        windowCount += 1
        lastStatus = outcome.status
        if outcome.status == .noData { noDataCount += 1 }
        guard let score = outcome.score else {
            absence = outcome.absence
            return
        }
        scoredCount += 1
        scoreSum += score
        let noise = outcome.noise
        let alert = outcome.thresholds.alert
        let floor = alert > 0 ? alert / 100 : Self.leastScale
        ratioSum += score / max(noise?.line95 ?? alert, floor)
        if noise?.hasTooFewRecords(alertThreshold: alert) == true { tooFewCount += 1 }
        if score > scoreMax ?? -.infinity { (scoreMax, scoreMaxWindow) = (score, outcome.window.start) }
        if outcome.status == .warning { warningCount += 1 }
        let isAlert = outcome.status == .alert
        if isAlert {
            alertCount += 1
            if !isAlerting { alertSince = outcome.window.start }
        }
        isAlerting = isAlert
    }

    fileprivate func json(rank: Int) -> JSONValue {
        var object = JSONObject([
            ("rank", .integer(rank)), ("path", .string(path.text)), ("drift", .number(drift)),
            ("score_mean", .number(scoreMean)), ("score_max", .number(scoreMax)),
            ("score_max_window", .zulu(scoreMaxWindow)), ("windows", .integer(windowCount)),
            ("windows_scored", .integer(scoredCount)), ("windows_no_data", .integer(noDataCount)),
            ("newest_status", .string(lastStatus?.rawValue)), ("num_warnings", .integer(warningCount)),
            ("num_alerts", .integer(alertCount)), ("num_too_few_records", .integer(tooFewCount)),
            ("alert_since", .zulu(alertSince)), ("alerting", .bool(isAlerting)),
        ])
        if scoredCount < windowCount, let absence { object.append("absence", .string(absence)) }
        if let problem { object.append("error", .string(problem)) }
        return .object(object)
    }
}

/// The findings of a run over many paths, in the order of the invariants above.
package struct PathRanking: Hashable, Sendable {
    /// Most drifted first.
    package let findings: [PathFinding]

    /// Sorts findings that come in any order; equals go by their paths.
    package init(_ findings: [PathFinding]) {
        self.findings = findings.sorted { left, right in
            let (first, second) = (left.place, right.place)
            return first == second ? left.path < right.path : first.lexicographicallyPrecedes(second)
        }
    }

    /// `{"ranking":[…],"windows":…}`, the last line of a run.
    package var json: JSONValue {
        .object(
            ("ranking", .array(findings.enumerated().map { $0.element.json(rank: $0.offset + 1) })),
            ("windows", .integer(findings.reduce(0) { $0 + $1.windowCount })))
    }
}

extension PathFinding {
    /// Before whom a path stands: the lesser first, place by place.
    fileprivate var place: [Double] {
        let drift = drift ?? 0
        if drift >= 1 || alertCount > 0 { return [0, -drift] }
        if noDataCount > 0 || scoredCount < windowCount && scoredCount == 0 {
            return [1, lastStatus == .noData ? 0 : 1, -Double(windowCount - scoredCount), -drift]
        }
        return [windowCount > 0 ? 2 : 3, -drift]
    }
}
