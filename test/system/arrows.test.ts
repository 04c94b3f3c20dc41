// Every arrow of scripts/arrows.mjs bites: imports are planted in a copy of the configuration, and the linter's word on each
// is held against a table that was written independently.
import { execFile } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import test from 'ava'

const REFUSED: readonly (readonly [file: string, imported: string])[] = [
  ['proto/shard.ts', '../agent/pool.js'],
  ['proto/shard.ts', '../coordinator/job.js'],
  ['proto/shard.ts', './transport/nats.js'],
  ['proto/shard.ts', './gen/wire.js'],
  ['proto/shard.ts', 'nats'],
  ['proto/codec.ts', '../coordinator/job.js'],
  ['proto/codec.ts', './transport/memory.js'],
  ['proto/codec.ts', 'nats'],
  ['proto/transport/memory.ts', 'nats'],
  ['proto/transport/memory.ts', '../../coordinator/ledger.js'],
  ['proto/transport/nats.ts', '../../agent/intake.js'],
  ['proto/transport/nats.ts', '../gen/wire.js'],
  ['proto/transport/nats.ts', 'zod'],
  ['agent/intake.ts', '../coordinator/ledger.js'],
  ['agent/intake.ts', '../proto/gen/wire.js'],
  ['agent/runner/node/child.ts', '../../../coordinator/function/function.js'],
  ['agent/main.ts', '../coordinator/cli/map.js'],
  ['agent/main.ts', 'commander'],
  ['coordinator/coordinator.ts', '../agent/agent.js'],
  ['coordinator/coordinator.ts', './local.js'],
  ['coordinator/coordinator.ts', './map.js'],
  ['coordinator/coordinator.ts', './cli/map.js'],
  ['coordinator/coordinator.ts', '../proto/gen/wire.js'],
  ['coordinator/coordinator.ts', 'nats'],
  ['coordinator/cluster.ts', '@grpc/grpc-js'],
  ['coordinator/cluster.ts', 'left-pad/deep/file.js'],
  ['coordinator/cluster.ts', '@scope/package/deep'],
  ['coordinator/function/reference.ts', '../map.js'],
  ['coordinator/function/reference.ts', 'esbuild'],
  ['coordinator/function/reference.ts', '../../agent/bundles.js'],
  ['coordinator/function/literal.ts', 'acorn'],
  ['coordinator/function/bundle-node.ts', 'acorn'],
  ['coordinator/input/jsonl.ts', 'csv-parse'],
  ['coordinator/input/glob.ts', 'csv-parse'],
  ['coordinator/input/glob.ts', '../../agent/pool.js'],
  ['coordinator/input/glob.ts', '../cli/map.js'],
  ['coordinator/ledger.ts', 'node:fs'],
  ['coordinator/sizing.ts', 'node:timers/promises'],
  ['coordinator/split.ts', 'node:crypto'],
  ['coordinator/gather.ts', 'node:events'],
  ['coordinator/receipt.ts', 'node:os'],
  ['coordinator/ledger.ts', 'fs'],
  ['coordinator/ledger.ts', 'nats'],
  ['coordinator/ledger.ts', '../agent/pool.js'],
  ['coordinator/control.ts', 'nats'],
  ['coordinator/control.ts', '../agent/pool.js'],
  ['coordinator/local.ts', './cli/map.js'],
  ['coordinator/local.ts', 'nats'],
  ['coordinator/map.ts', '../agent/agent.js'],
  ['coordinator/map.ts', 'commander'],
  ['coordinator/cli/map.ts', 'commander'],
  ['coordinator/cli/map.ts', '../../proto/gen/control.js'],
  ['coordinator/cli/program.ts', 'zod'],
]

const ALLOWED: readonly (readonly [file: string, imported: string])[] = [
  ['proto/shard.ts', './items.js'],
  ['proto/codec.ts', './gen/wire.js'],
  ['proto/codec.ts', './transport.js'],
  ['proto/codec.ts', '@bufbuild/protobuf/wire'],
  ['proto/transport/nats-job.ts', 'nats'],
  ['proto/transport/memory.ts', '../transport.js'],
  ['proto/transport/open.ts', './nats.js'],
  ['agent/main.ts', '../proto/transport/open.js'],
  ['agent/main.ts', './agent.js'],
  ['agent/main.ts', 'node:fs/promises'],
  ['coordinator/coordinator.ts', './ledger.js'],
  ['coordinator/cluster.ts', '../proto/transport/open.js'],
  ['coordinator/cluster.ts', './coordinator.js'],
  ['coordinator/function/bundle-node.ts', 'esbuild'],
  ['coordinator/function/captures.ts', 'eslint-scope'],
  ['coordinator/input/glob.ts', 'tinyglobby'],
  ['coordinator/function/bundle-plugins.ts', 'esbuild'],
  ['coordinator/ledger.ts', '../proto/shard.js'],
  ['coordinator/control.ts', '@grpc/grpc-js'],
  ['coordinator/control.ts', '../proto/gen/control.js'],
  ['coordinator/local.ts', '../agent/agent.js'],
  ['coordinator/map.ts', './local.js'],
  ['coordinator/cli/map.ts', '../local.js'],
  ['coordinator/cli/agent.ts', '../../agent/main.js'],
  ['coordinator/cli/program.ts', 'commander'],
  ['test/coordinator/ledger.test.ts', 'ava'],
]

// However it is written.
const FORMS = [
  (name: string) => `import value from '${name}'\nexport default value\n`,
  (name: string) => `export const load = () => import('${name}')\n`,
  (name: string) => `export * from '${name}'\n`,
  (name: string) => `import type { Value } from '${name}'\nexport type Again = Value\n`,
]

interface Report {
  readonly diagnostics: readonly {
    readonly category: string
    readonly location: { readonly path: string | { file: string } }
  }[]
}

test('planted imports against the arrows are refused, and those along them are not', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'manyhands-arrows-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  for (const name of ['biome.json', 'biome.arrows.json', '.gitignore']) copyFileSync(resolve(name), join(folder, name))
  const refused = new Set<string>()
  // A file stands in several lines of the tables: one run of the linter for each of its imports, and each form of import.
  const imports = new Map<string, string[]>()
  for (const [file, name] of [...REFUSED, ...ALLOWED]) imports.set(file, [...(imports.get(file) ?? []), name])
  for (const file of imports.keys()) mkdirSync(dirname(join(folder, file)), { recursive: true })
  const rounds = Math.max(...[...imports.values()].map(({ length }) => length))
  for (const [form, write] of FORMS.entries()) {
    for (let round = 0; round < rounds; round++) {
      for (const [file, names] of imports) writeFileSync(join(folder, file), write(names[round] ?? './x.js'))
      for (const path of await refusedIn(folder)) refused.add(`${path} ${imports.get(path)?.[round]} ${form}`)
    }
  }
  const all = (table: typeof REFUSED) =>
    table.flatMap(([file, name]) => FORMS.map((_, form) => `${file} ${name} ${form}`))
  t.deepEqual([...refused].sort(), all(REFUSED).sort())
})

async function refusedIn(folder: string): Promise<string[]> {
  const argv = ['lint', '--only=style/noRestrictedImports', '--reporter=json', '--max-diagnostics=none', '.']
  const biome = resolve('node_modules/@biomejs/biome/bin/biome')
  const stdout = await new Promise<string>(settle => {
    execFile(process.execPath, [biome, ...argv], { cwd: folder, maxBuffer: 2 ** 26 }, (_, out) => settle(out))
  })
  const { diagnostics } = JSON.parse(stdout) as Report
  return diagnostics
    .filter(({ category }) => category === 'lint/style/noRestrictedImports')
    .map(({ location: { path } }) => (typeof path === 'string' ? path : path.file))
}
