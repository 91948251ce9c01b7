// Invariants checked: the two at the head of CatalogEvent.swift, in that order.

import Catalog
import JSON
import Records
import TestSupport
import Testing

struct CatalogEventTests {
    static func events() throws -> [CatalogEvent] {
        var scene = try Scene.deployed()
        let catalog = scene.catalog
        scene.apply(
            try catalog.createPipeline(
                name: "p", in: WorkspaceID(1), definition: PipelineDefinition(JSONField(.null)),
                version: "uuid-p2", createdBy: "jane", at: moment(7)))
        scene.apply(
            try catalog.deploy(
                name: "q", pipelineVersionID: PipelineVersionID(1),
                engineConfiguration: .object(("cpus", .number(0.5))), at: moment(8)))
        scene.apply(
            try catalog.declareLocation("edge-01", of: PipelineID(1), at: moment(9)))
        for event in try catalog.undeploy(deploymentID: DeploymentID(1), at: moment(10)) {
            scene.apply(event)
        }
        scene.apply(
            try scene.catalog.declareFloat32(
                ["out.score", "in.amount"], of: PipelineID(1), at: moment(12)))
        return scene.events
    }

    @Test("every event reads back from its JSON text")
    func eventsReadBack() throws {
        let events = try Self.events()
        #expect(Set(events.map(\.json["kind"])).count == 7)
        for event in events {
            let text = event.json.text
            #expect(try CatalogEvent(JSONField(JSONValue(parsing: text))) == event)
        }
    }

    @Test("members that a later version adds are passed over")
    func unknownMembers() throws {
        for event in try Self.events() {
            guard case .object(var object) = event.json else { continue }
            object.append("added_later", .array([.null]))
            #expect(try CatalogEvent(JSONField(.object(object))) == event)
        }
    }

    @Test("an unknown kind, and every missing member, is refused by name")
    func refusals() throws {
        let unknown = #expect(throws: FieldError.self) {
            try CatalogEvent(JSONField(.object(("kind", .string("model_retired")))))
        }
        #expect(unknown?.field == "kind")
        #expect(unknown?.problem.contains("model_retired") == true)
        let optional = [
            "error_summary", "conversion", "input_signature", "output_signature", "definition",
            "engine_config",
        ]
        for event in try Self.events() {
            guard case .object(let object) = event.json else { continue }
            for member in object.members where !optional.contains(member.key) {
                var without = object
                without[member.key] = nil
                let error = #expect(throws: FieldError.self, "\(event) without \(member.key)") {
                    try CatalogEvent(JSONField(.object(without)))
                }
                #expect(error?.field == member.key)
            }
        }
    }
}
