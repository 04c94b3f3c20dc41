// Which file may import what: the one table of the house's import arrows and of each package's importer.
//   gen -> proto -> transport -> { coordinator | agent } -> local -> map, cli, main
// In: nothing. Out: biome.arrows.json, which biome.json extends (`node scripts/arrows.mjs --write`); without the flag it only
// says whether that file is what the table asks for. A file is under the last line that names it, and under no other.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const target = fileURLToPath(new URL('../biome.arrows.json', import.meta.url))

const agent = {
  group: ['**/agent/**'],
  message: 'Only coordinator/local.ts, which joins the two, and the commands above it import the agent.',
}
const coordinator = { group: ['**/coordinator/**'], message: 'Neither proto nor the agent knows the coordinator.' }
const transports = { group: ['**/transport/**'], message: 'proto knows the port, transport.ts, and none behind it.' }
const gen = {
  group: ['**/gen/**'],
  message: 'Generated code has one reader: the codec for the wire, the control files for gRPC.',
}
const commands = { group: ['./main.js', '../main.js', '**/cli/**'], message: 'The commands stand above all else.' }
const above = {
  group: [...['map', 'jobs', 'tiers', 'local'].flatMap(name => [`./${name}.js`, `../${name}.js`]), ...commands.group],
  message: 'map with its jobs and tiers, local, cli and main stand above the other files of the coordinator.',
}

/** Everything that is neither a file nor of Node, but for the packages named. */
function packages(...allowed) {
  const allowances = allowed.flatMap(name => [`!${name}`, `!${name}/**`])
  return {
    group: ['*', '*/**', '!./**', '!../**', '!node:*', '!node:*/**', ...allowances],
    message: 'Each package has one importer, so that changing it is changing one file: see scripts/arrows.mjs.',
  }
}
const nothing = {
  group: ['*', '*/**', '!./**', '!../**'],
  message: 'This file is pure: no packages, no node: modules, no I/O, an injected clock.',
}

const inCoordinator = [agent, above, gen]
const table = [
  ['proto/**', [agent, coordinator, transports, gen, packages()]],
  ['proto/*codec.ts', [agent, coordinator, transports, packages('@bufbuild/protobuf')]],
  ['proto/transport/**', [agent, coordinator, gen, packages()]],
  ['proto/transport/nats*.ts', [agent, coordinator, gen, packages('nats')]],
  ['agent/**', [coordinator, gen, packages()]],
  ['agent/{demand,intake,outbox,shares,slot-account,wishes}.ts', [coordinator, gen, nothing]],
  ['coordinator/**', [...inCoordinator, packages()]],
  [
    'coordinator/{accounts,advice,attendance,combine,concurrency,crew,cutting,decisions,failure-count,gain,gather,lanes,learn,leases,ledger,ledger-events,metg,paces,placing,plan,predict,quarantine,receipt,serial,served,sizing,spans,split,stragglers,tail,versions,waiting,window}.ts',
    [...inCoordinator, nothing],
  ],
  ['coordinator/durable/{checkpoint,checkpoints,job-name,kept-reports}.ts', [...inCoordinator, nothing]],
  ['coordinator/control-{messages,outcomes}.ts', [agent, above, nothing]],
  ['coordinator/{client,control-errors}.ts', [agent, above, packages('@grpc/grpc-js')]],
  [
    'coordinator/control.ts',
    [agent, above, packages('@grpc/grpc-js', '@grpc/proto-loader', '@grpc/reflection', 'grpc-health-check')],
  ],
  ['coordinator/function/bundle-{node,plugins}.ts', [...inCoordinator, packages('esbuild')]],
  ['coordinator/function/captures.ts', [...inCoordinator, packages('acorn', 'eslint-scope')]],
  ['coordinator/function/tokens.ts', [...inCoordinator, packages('js-tokens')]],
  ['coordinator/input/glob.ts', [...inCoordinator, packages('tinyglobby')]],
  ['coordinator/local.ts', [commands, gen, packages()]],
  ['coordinator/{jobs,main,map,tiers}.ts', [agent, gen, packages()]],
  ['coordinator/cli/**', [gen, packages()]],
  ['coordinator/cli/program.ts', [gen, packages('commander')]],
  ['coordinator/cli/progress.ts', [gen, packages('log-update')]],
  ['coordinator/cli/config-files.ts', [gen, packages('smol-toml')]],
]

const overrides = table.map(([files, patterns]) => ({
  includes: [files],
  linter: { rules: { style: { noRestrictedImports: { level: 'error', options: { patterns } } } } },
}))
const text = `${JSON.stringify({ overrides }, null, 1)}\n`

if (process.argv.includes('--write')) writeFileSync(target, text)
else if (readFileSync(target, 'utf8') !== text) {
  console.error('biome.arrows.json is not what scripts/arrows.mjs asks for: npm run generate')
  process.exitCode = 1
}
