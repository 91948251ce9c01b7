// A small world for the catalogue's tests: one workspace, one model, one pipeline, deployed.

import JSON
import Records
import TestSupport

@testable import Catalog

/// A catalogue and the events that made it.
struct Scene {
    var catalog = Catalog()
    var events: [CatalogEvent] = []

    mutating func apply(_ event: CatalogEvent?) {
        guard let event else { return }
        events.append(event)
        catalog.apply(event)
    }

    static func contents(_ sha256: String = "bc85") -> ModelContents {
        ModelContents(
            sha256: sha256, fileName: "ccfraud.onnx", byteCount: 1_000, framework: "onnx",
            visibility: .public, conversion: .object(("framework", .string("onnx"))),
            inputSignature: .array([.string("dense_input")]))
    }

    static func definition(_ models: ModelReference...) throws -> PipelineDefinition {
        let references = models.map { model in
            JSONValue.object(
                ("name", .string(model.name)), ("version", .string(model.version)),
                ("sha", .string(model.sha256)))
        }
        let step = JSONValue.object(("ModelInference", .object(("models", .array(references)))))
        return try PipelineDefinition(JSONField(.object(("steps", .array([step])))))
    }

    static let model = ModelReference(name: "fraud", version: "uuid-m1", sha256: "bc85")

    /// Workspace 1 "w", model version 1 "fraud", pipeline 1 "p" version 1, deployment 1.
    static func deployed() throws -> Scene {
        var scene = Scene()
        scene.apply(
            try scene.catalog.createWorkspace(name: "w", createdBy: "jane", at: moment(0)))
        scene.apply(
            try scene.catalog.addModelVersion(
                name: "fraud", in: WorkspaceID(1), version: "uuid-m1", contents: contents(),
                createdBy: "jane", at: moment(1)))
        scene.apply(
            try scene.catalog.createPipeline(
                name: "p", in: WorkspaceID(1), definition: definition(model), version: "uuid-p1",
                createdBy: "jane", at: moment(2)))
        scene.apply(
            try scene.catalog.deploy(
                name: "p", pipelineVersionID: PipelineVersionID(1), at: moment(3)))
        return scene
    }
}
