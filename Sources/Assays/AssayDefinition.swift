// An assay as it was asked for: what it looks at, what it compares with, how, and when it alarms.
//
// Requests differ by the generation of client; a definition is what they all mean. It is stored in
// the log as its own JSON, the same that lists show, so an answer is read back as a request could be.
// What a request says beyond it is dropped: `status`, `created_at`, `bin_width` and the like never
// had an effect.
//
// Defaults: `alert_threshold` 0.25, no warning, `interval` the width, and the first window starts
// where the baseline's period ends. A baseline without a period (a vector) leaves the start open:
// then it is the first record's time, as the clients decide it.
//
// Invariants:
//  * `AssayDefinition(JSONField(definition.json))` gives back every definition that has a name.
//  * Thresholds are finite.
//  * A static baseline was summarised as the summarizer says: the same aggregation, as many bins,
//    and edges that ascend unless they were given.

import Bytes
import JSON
import Records
import Summaries

/// The scores above which people want to hear of it.
package struct AssayThresholds: Hashable, Sendable {
    /// Above it a score is an alert where nobody said otherwise.
    package static let alertDefault = 0.25

    /// A score above it is an alert; equal to it, it is none.
    package var alert: Double
    /// A score above it, but not above `alert`, is a warning; nil warns of none.
    package var warning: Double?

    package init(alert: Double = alertDefault, warning: Double? = nil) {
        self.alert = alert
        self.warning = warning
    }

    /// Reads `alert_threshold` and `warning_threshold` of a request or an event.
    package init(_ json: JSONField) throws(FieldError) {
        alert = try json["alert_threshold"].optional?.double() ?? Self.alertDefault
        warning = try json["warning_threshold"].optional?.double()
    }
}

/// An assay of the first generation as it was asked for, whatever form the request had.
package struct AssayDefinition: Hashable, Sendable {
    /// The longest name, in UTF-8 bytes.
    package static let nameByteCountMax = 255

    /// Unique in the workspace. Empty only in an interactive run, which stores nothing.
    package var name: String
    package var pipelineID: PipelineID
    package var pipelineName: String
    /// Nil where the request left it out; whoever stores the definition fills it in.
    package var workspaceID: WorkspaceID?
    /// As posted; nil where the request left it out.
    package var workspaceName: String?
    package var thresholds: AssayThresholds
    /// Bounds interactive runs. A stored assay goes on until it is deactivated.
    package var runUntil: Timestamp?
    package var baseline: BaselineSpec
    package var window: AssayWindowSpec
    package var summarizer: SummarizerSettings

    /// Where the first window starts; nil leaves it to the first record.
    package var windowStart: Timestamp? { window.start ?? baseline.end }

    /// The windows, the first of which starts at `windowStart` or, where that is nil, at `fallback`.
    package func grid(startingAt fallback: Timestamp) -> WindowGrid {
        WindowGrid(
            start: windowStart ?? fallback, width: window.width.span, interval: window.step)
    }

    /// As stored and as lists show it; reading it gives back an equal definition, unless the name is empty.
    package var json: JSONValue {
        .object(
            ("name", .string(name)), ("warning_threshold", .number(thresholds.warning)),
            ("alert_threshold", .number(thresholds.alert)),
            ("pipeline_id", .identifier(pipelineID)), ("pipeline_name", .string(pipelineName)),
            ("run_until", .zulu(runUntil)), ("baseline", baseline.json), ("window", window.json),
            ("summarizer", summarizer.json), ("workspace_id", .identifier(workspaceID)),
            ("workspace_name", .string(workspaceName)))
    }

    /// Reads a request or a stored definition.
    ///
    /// With `nameIsNeeded` false, as for interactive runs, the name may be left out.
    package init(_ json: JSONField, nameIsNeeded: Bool = true) throws(FieldError) {
        name = try nameIsNeeded ? json["name"].string() : json["name"].optional?.string() ?? ""
        if nameIsNeeded || !name.isEmpty { try Self.check(name, json["name"]) }
        pipelineID = try json["pipeline_id"].identifier()
        workspaceID = try json["workspace_id"].optional?.identifier()
        workspaceName = try json["workspace_name"].optional?.string()
        thresholds = try AssayThresholds(json)
        runUntil = try json["run_until"].optional?.timestamp()
        summarizer = try SummarizerSettings(json["summarizer"])
        let topLevel = AssayWindowSpec.Defaults(
            pipelineName: json.first(of: "pipeline_name", "pipeline"), path: json["iopath"],
            workspaceID: json["workspace_id"])
        window = try AssayWindowSpec(json["window"], defaults: topLevel)
        pipelineName =
            try json.first(of: "pipeline_name", "pipeline").optional?.string()
            ?? window.pipelineName
        let windowField = json["window"]
        baseline = try BaselineSpec(
            json["baseline"],
            defaults: AssayWindowSpec.Defaults(
                pipelineName: windowField.first(of: "pipeline_name", "pipeline").optional
                    ?? topLevel.pipelineName,
                path: windowField.first(of: "path", "iopath").optional ?? topLevel.path,
                workspaceID: windowField["workspace_id"].optional ?? topLevel.workspaceID))
        try checkStaticBaseline(json["baseline"]["static"])
    }

    static func check(_ name: String, _ field: JSONField) throws(FieldError) {
        guard !name.isEmpty else { throw field.refused("is empty; give the assay a name") }
        guard name.utf8.count <= nameByteCountMax else {
            throw field.refused("is \(name.utf8.count) bytes long; use at most \(nameByteCountMax)")
        }
        guard !name.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) else {
            throw field.refused("holds a control character; remove it")
        }
    }

    private func checkStaticBaseline(_ field: JSONField) throws(FieldError) {
        guard case .summary(let dated) = baseline else { return }
        let found = dated.summary
        guard found.aggregation == summarizer.aggregation else {
            throw field["aggregation"].refused(
                "is \(found.aggregation.rawValue), but the summarizer's is "
                    + "\(summarizer.aggregation.rawValue); summarise the baseline with this summarizer"
            )
        }
        let binCount = summarizer.binMode == .none ? 0 : summarizer.numBins
        let foundBinCount = max(0, found.edges.count - 1)
        guard foundBinCount == binCount else {
            throw field["edges"].refused(
                "make \(foundBinCount) bins, but the summarizer makes \(binCount); "
                    + "summarise the baseline with this summarizer")
        }
        // Only before edges that were given can the minimum stand too high (see BinEdges).
        guard summarizer.binMode == .provided || binCount == 0 || found.edges[0] <= found.edges[1]
        else {
            throw field["edges"].refused(
                "begin with \(found.edges[0]), above the next; sort the edges")
        }
    }
}

/// A request to create or to run an assay.
package struct AssayRequest: Hashable, Sendable {
    /// The assay that an interactive run is about; its results echo it.
    package var id: AssayID?
    /// True where the request left it out.
    package var isActive: Bool
    package var definition: AssayDefinition

    /// Reads the body of `create`, `run_interactive` or `run_interactive_baseline`.
    ///
    /// What was stored before stays as it is; what is asked for from here on must mean something.
    ///
    /// - Parameter isOfOnePath: false where the paths come from elsewhere.
    package init(
        _ json: JSONField, nameIsNeeded: Bool = true, isOfOnePath: Bool = true
    ) throws(FieldError) {
        _ = try json.object()
        id = try json["id"].optional?.identifier()
        isActive = try json["active"].optional?.bool() ?? true
        definition = try AssayDefinition(json, nameIsNeeded: nameIsNeeded)
        let thresholds = definition.thresholds
        for (name, threshold) in [
            ("alert_threshold", thresholds.alert), ("warning_threshold", thresholds.warning),
        ] {
            guard let threshold, threshold < 0 else { continue }
            throw json[name].refused("is \(threshold), and no score is below 0; give 0 or more")
        }
        if case .summary = definition.baseline { try Self.checkCounts(json["baseline"]) }
        if isOfOnePath { try checkPaths(json["window"]) }
    }

    /// What is counted on from a summary's counts cannot overflow.
    private static func checkCounts(_ baseline: JSONField) throws(FieldError) {
        let calculated = baseline["calculated"]["static"]
        let summary = calculated.isPresent ? calculated : baseline["static"]
        for name in ["count", "missing_count", "infinity_count"] {
            _ = try summary[name].optional?.integer(in: 0...JSONField.integerMax)
        }
    }

    /// The windows of one pipeline and model, compared with another path of theirs, would say that all
    /// drifted. Across pipelines and models a path may be called otherwise.
    private func checkPaths(_ window: JSONField) throws(FieldError) {
        let spec: AssayWindowSpec
        switch definition.baseline {
        case .summary, .vector: return
        case .fixedWindow(let found), .slidingWindow(let found, _): spec = found
        }
        let own = definition.window
        guard spec.path != own.path, spec.pipelineName == own.pipelineName,
            spec.workspaceID == own.workspaceID, spec.modelName.isExactly(own.modelName)
        else { return }
        throw window["path"].refused(
            "is \"\(own.path.text)\", and the baseline's is \"\(spec.path.text)\"; name the same path in both"
        )
    }
}
