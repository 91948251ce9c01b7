// Invariants checked: the two at the head of Catalog+Lookups.swift, in that order.

import Catalog
import JSON
import Records
import TestSupport
import Testing

struct CatalogLookupsTests {
    /// Pipeline "p" in workspaces 1 and 2, "q" in 2 alone.
    static func twoWorkspaces() throws -> Catalog {
        var scene = try Scene.deployed()
        scene.apply(
            try scene.catalog.createWorkspace(name: "w2", createdBy: "joe", at: moment(10)))
        for name in ["p", "q"] {
            scene.apply(
                try scene.catalog.createPipeline(
                    name: name, in: WorkspaceID(2), definition: PipelineDefinition(JSONField(nil)),
                    version: "uuid-\(name)", createdBy: "joe", at: moment(11)))
        }
        return scene.catalog
    }

    @Test("a pipeline's name alone finds the only one, and of several none")
    func pipelineByName() throws {
        let catalog = try Self.twoWorkspaces()
        #expect(try catalog.pipeline(named: "q").id == PipelineID(3))
        #expect(try catalog.pipeline(named: "p", in: WorkspaceID(2)).id == PipelineID(2))
        let ambiguous = #expect(throws: CatalogError.self) { try catalog.pipeline(named: "p") }
        #expect(ambiguous?.kind == .ambiguous)
        #expect(ambiguous?.problem.contains("workspace 1 (pipeline 1) and of workspace 2") == true)
        for workspace in [nil, WorkspaceID(1)] {
            let unknown = #expect(throws: CatalogError.self) {
                try catalog.pipeline(named: "q2", in: workspace, field: "pipeline")
            }
            #expect(unknown?.kind == .unknown)
            #expect(unknown?.field == "pipeline")
        }
    }

    @Test("a workspace's pipelines are listed in the order of creation")
    func pipelinesOfWorkspace() throws {
        let catalog = try Self.twoWorkspaces()
        #expect(catalog.pipelines(in: WorkspaceID(2)).map(\.name) == ["p", "q"])
        #expect(catalog.pipelines(in: WorkspaceID(3)).isEmpty)
    }

    @Test("model versions are those of the model, or of the name where the number is another's")
    func modelVersions() throws {
        var scene = try Scene.deployed()
        // Versions 2 to 4: "other" as model 2, then two more of "fraud".
        for (name, version) in [("other", "uuid-m2"), ("fraud", "uuid-m3"), ("fraud", "uuid-m4")] {
            scene.apply(
                try scene.catalog.addModelVersion(
                    name: name, in: WorkspaceID(1), version: version, contents: Scene.contents(),
                    createdBy: "jane", at: moment(20)))
        }
        let catalog = scene.catalog
        func numbers(_ name: String?, _ model: Int?) -> [Int] {
            catalog.modelVersions(named: name, modelID: model.map { ModelID($0) }).map(\.id.number)
        }
        #expect(numbers("fraud", nil) == [1, 3, 4])
        #expect(numbers("fraud", 1) == [1, 3, 4])
        #expect(numbers("fraud", 2) == [1, 3, 4], "2 is the model \"other\"")
        #expect(
            numbers("fraud", 4) == [1, 3, 4], "4 is a version's number, as the tutorial passes")
        #expect(numbers(nil, 2) == [2])
        #expect(numbers(nil, 9) == [])
        #expect(numbers("nobody", 1) == [])
        #expect(numbers(nil, nil) == [1, 2, 3, 4])
    }

    @Test("the same name in two workspaces is two models")
    func modelsOfWorkspaces() throws {
        var scene = try Scene.deployed()
        scene.apply(
            try scene.catalog.createWorkspace(name: "w2", createdBy: "joe", at: moment(10)))
        scene.apply(
            try scene.catalog.addModelVersion(
                name: "fraud", in: WorkspaceID(2), version: "uuid-m2", contents: Scene.contents(),
                createdBy: "joe", at: moment(11)))
        #expect(scene.catalog.modelVersions(in: WorkspaceID(2)).map(\.modelID) == [ModelID(2)])
        #expect(scene.catalog.modelVersions(named: "fraud", modelID: ModelID(2)).count == 1)
        #expect(scene.catalog.modelVersions(named: "fraud", modelID: nil).count == 2)
    }

    @Test("a deployment is found by its full name only, and has the contract's path")
    func deployments() throws {
        var scene = try Scene.deployed()
        let deployment = try #require(scene.catalog.deployment(fullName: "p-1"))
        #expect(deployment.id == DeploymentID(1))
        #expect(
            scene.catalog.inferencePath(of: deployment) == "/v1/api/pipelines/infer/p-1/p")
        for name in ["p-2", "q-1", "p", "p-", "-1", "", "p--1", "p-01", "p-1-1"] {
            #expect(scene.catalog.deployment(fullName: name) == nil, "\(name)")
        }
        scene.apply(
            try scene.catalog.deploy(
                name: "odd name-1", pipelineVersionID: PipelineVersionID(1), at: moment(9)))
        let odd = try #require(scene.catalog.deployment(fullName: "odd name-1-2"))
        #expect(
            scene.catalog.inferencePath(of: odd) == "/v1/api/pipelines/infer/odd%20name-1-2/p")
        #expect(scene.catalog.deployment(of: PipelineID(1))?.id == odd.id)
        for event in try scene.catalog.undeploy(deploymentID: odd.id, at: moment(12)) {
            scene.apply(event)
        }
        #expect(scene.catalog.deployment(of: PipelineID(1))?.id == deployment.id)
        #expect(scene.catalog.deployment(of: PipelineID(9)) == nil)
    }
}
