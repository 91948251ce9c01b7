// Invariants checked: the three at the head of Catalog.swift, in that order; and those of the
// things it holds (Workspace.swift, Pipeline.swift).

import JSON
import Records
import Simulation
import TestSupport
import Testing

@testable import Catalog

struct CatalogTests {
    /// Commands chosen at random; those that are refused leave nothing.
    static func scene(seed: UInt64, commandCount: Int) throws -> Scene {
        var generator = SeededGenerator(seed: seed)
        var scene = Scene()
        for step in 0..<commandCount {
            let moment = TestSupport.moment(Double(step))
            let number = Int.random(in: 1...4, using: &generator)
            let other = Int.random(in: 1...4, using: &generator)
            let catalog = scene.catalog
            switch Int.random(in: 0..<7, using: &generator) {
            case 0:
                scene.apply(
                    try? catalog.createWorkspace(name: "w\(number)", createdBy: "j", at: moment))
            case 1:
                scene.apply(
                    try? catalog.addModelVersion(
                        name: "m\(number)", in: WorkspaceID(other), version: "m-\(step)",
                        contents: Scene.contents("sha-\(step)"), createdBy: "j", at: moment))
            case 2, 3:
                let models = catalog.modelVersions.all
                let reference = models.randomElement(using: &generator).map {
                    ModelReference(name: $0.name, version: $0.version)
                }
                let definition = try Scene.definition(reference ?? Scene.model)
                scene.apply(
                    try? catalog.createPipeline(
                        name: "p\(number)", in: WorkspaceID(other), definition: definition,
                        version: "p-\(step)", createdBy: "j", at: moment))
            case 4:
                scene.apply(
                    try? catalog.deploy(
                        name: "d\(other)", pipelineVersionID: PipelineVersionID(number), at: moment)
                )
            case 5:
                let events = try? catalog.undeploy(deploymentID: DeploymentID(number), at: moment)
                for event in events ?? [] { scene.apply(event) }
            default:
                guard let pipeline = catalog.pipelines[PipelineID(number)] else { continue }
                scene.apply(try catalog.declareLocation("e\(other)", of: pipeline.id, at: moment))
            }
        }
        return scene
    }

    @Test("the same events give the same catalogue, as JSON texts too", arguments: 1...40)
    func foldIsAFunction(seed: Int) throws {
        let scene = try Self.scene(seed: UInt64(seed), commandCount: 200)
        #expect(scene.events.count > 20, "seed \(seed)")
        var again = Catalog()
        for event in scene.events {
            again.apply(try CatalogEvent(JSONField(JSONValue(parsing: event.json.text))))
        }
        #expect(again == scene.catalog, "seed \(seed)")
    }

    @Test("folding the last events again changes nothing", arguments: 1...40)
    func foldAgain(seed: Int) throws {
        let scene = try Self.scene(seed: UInt64(seed), commandCount: 120)
        for start in scene.events.indices {
            var again = scene.catalog
            for event in scene.events[start...] { again.apply(event) }
            #expect(again == scene.catalog, "seed \(seed), from event \(start)")
        }
    }

    @Test("numbers count from 1 for each kind, and no kind misses one", arguments: 1...40)
    func numbers(seed: Int) throws {
        let catalog = try Self.scene(seed: UInt64(seed), commandCount: 300).catalog
        #expect(catalog.workspaces.all.map(\.id.number) == Array(1...catalog.workspaces.all.count))
        #expect(
            catalog.pipelines.all.map(\.id.number) == (1..<(catalog.pipelines.all.count + 1)).map { $0 }
        )
        let models = Set(catalog.modelVersions.all.map(\.modelID.number)).sorted()
        #expect(models == (1..<(models.count + 1)).map { $0 })
        #expect(catalog.lastModelID.number == models.count)
        for version in catalog.modelVersions.all {
            for other in catalog.modelVersions.all {
                let isSameModel =
                    version.name == other.name && version.workspaceID == other.workspaceID
                #expect((version.modelID == other.modelID) == isSameModel, "seed \(seed)")
            }
        }
    }

    @Test("an event about something unknown changes nothing")
    func unknownThings() {
        var catalog = Catalog()
        catalog.apply(.undeployed(DeploymentID(9), at: moment(0)))
        catalog.apply(.locationDeclared(PipelineID(9), name: "e", at: moment(0)))
        #expect(catalog == Catalog())
    }

    @Test("a table keeps the order of numbers whatever the order of arrival")
    func tableOrder() {
        // Events of one kind arrive ascending; a fold that begins in the middle need not.
        var catalog = Catalog()
        for number in [3, 1, 2, 3] {
            catalog.apply(
                .workspaceCreated(
                    Workspace(
                        id: WorkspaceID(number), name: "w\(number)", createdBy: "j",
                        createdAt: moment(0))))
        }
        #expect(catalog.workspaces.all.map(\.name) == ["w1", "w2", "w3"])
        #expect(catalog.workspaces[WorkspaceID(2)]?.name == "w2")
        #expect(catalog.workspaces[WorkspaceID(4)] == nil)
        #expect(catalog.workspaces.next == WorkspaceID(4))
    }
}
