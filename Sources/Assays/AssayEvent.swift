// What the log says of assays, and how it is written there.
//
// As JSON an event is an object whose `kind` names it. A created assay's definition is nested in it
// as its own JSON. Members that a later version adds are passed over by this one; kinds are not.
//
// Invariants:
//  * `AssayEvent(JSONField(event.json))` gives back every event.
//  * A kind that is not known is refused by name: a fold that passed it over would be wrong.

import JSON
import Records

/// A fact about an assay, as the log holds it. Moments are when the command was carried out.
package enum AssayEvent: Hashable, Sendable {
    case created(AssayCreation)
    case scheduled(SeriesCreation)
    case activated(AssayID, isActive: Bool, at: Timestamp)
    case thresholdsChanged(ThresholdChange)
    case analysed(AssayDecision)
    case baselinePinned(BaselinePin)
}

/// That an assay of the first generation was created.
package struct AssayCreation: Hashable, Sendable {
    package var id: AssayID
    package var definition: AssayDefinition
    package var isActive: Bool
    package var at: Timestamp

    package init(id: AssayID, definition: AssayDefinition, isActive: Bool, at: Timestamp) {
        self.id = id
        self.definition = definition
        self.isActive = isActive
        self.at = at
    }
}

/// Thresholds that were changed after an assay was created. Nothing changes them any more: logs may hold it.
package struct ThresholdChange: Hashable, Sendable {
    package var id: AssayID
    package var thresholds: AssayThresholds
    /// The definition's revision from here on.
    package var definitionRevision: Int
    package var at: Timestamp

    package init(
        id: AssayID, thresholds: AssayThresholds, definitionRevision: Int, at: Timestamp
    ) {
        self.id = id
        self.thresholds = thresholds
        self.definitionRevision = definitionRevision
        self.at = at
    }
}

/// The summary of a calculated baseline, as it was when it was first used.
package struct BaselinePin: Hashable, Sendable {
    package var id: AssayID
    package var summary: DatedSummary
    /// The last commit whose records are in it.
    package var cut: CommitNumber
    package var at: Timestamp
}

// MARK: As JSON

extension AssayEvent {
    /// The event's document: its `kind` first, then its members.
    package var json: JSONValue {
        switch self {
        case .created(let creation):
            .object(
                ("kind", .string("assay_created")), ("id", .identifier(creation.id)),
                ("definition", creation.definition.json), ("active", .bool(creation.isActive)),
                ("at", .zulu(creation.at)))
        case .scheduled(let creation):
            .object(
                ("kind", .string("assay_scheduled")), ("id", .identifier(creation.id)),
                ("uuid", .string(creation.uuid)), ("definition", creation.definition.json),
                ("at", .zulu(creation.at)))
        case .activated(let id, let isActive, let at):
            .object(
                ("kind", .string("assay_activated")), ("id", .identifier(id)),
                ("active", .bool(isActive)), ("at", .zulu(at)))
        case .thresholdsChanged(let change):
            .object(
                ("kind", .string("assay_thresholds_changed")), ("id", .identifier(change.id)),
                ("alert_threshold", .number(change.thresholds.alert)),
                ("warning_threshold", .number(change.thresholds.warning)),
                ("definition_revision", .integer(change.definitionRevision)),
                ("at", .zulu(change.at)))
        case .analysed(let decision): decision.json
        case .baselinePinned(let pin):
            .object(
                ("kind", .string("baseline_pinned")), ("id", .identifier(pin.id)),
                ("summary", pin.summary.json), ("cut", .integer(pin.cut)), ("at", .zulu(pin.at)))
        }
    }

    /// Reads an event's document; throws for a kind that is not known.
    package init(_ json: JSONField) throws(FieldError) {
        let kind = try json["kind"].string()
        switch kind {
        case "assay_created":
            self = .created(
                AssayCreation(
                    id: try json["id"].identifier(),
                    definition: try AssayDefinition(json["definition"]),
                    isActive: try json["active"].bool(), at: try json["at"].timestamp()))
        case "assay_scheduled":
            self = .scheduled(
                SeriesCreation(
                    id: try json["id"].identifier(), uuid: try json["uuid"].uuid(),
                    definition: try SeriesDefinition(json["definition"]),
                    at: try json["at"].timestamp()))
        case "assay_activated":
            self = .activated(
                try json["id"].identifier(), isActive: try json["active"].bool(),
                at: try json["at"].timestamp())
        case "assay_thresholds_changed":
            // The default stands for a threshold that a client left out, never for one in the log.
            _ = try json["alert_threshold"].double()
            self = .thresholdsChanged(
                ThresholdChange(
                    id: try json["id"].identifier(), thresholds: try AssayThresholds(json),
                    definitionRevision: try json["definition_revision"]
                        .integer(in: 1...JSONField.integerMax),
                    at: try json["at"].timestamp()))
        case "window_analysed": self = .analysed(try AssayDecision(json))
        case "baseline_pinned":
            self = .baselinePinned(
                BaselinePin(
                    id: try json["id"].identifier(), summary: try DatedSummary(json["summary"]),
                    cut: try json["cut"].commit(), at: try json["at"].timestamp()))
        default:
            throw json["kind"].refused(
                "is \"\(kind)\", an event that this version does not know; use a newer version")
        }
    }
}
