// `npm run build`, and what `npm ci` runs: compiles, puts the runners' other files beside the code, and links the command.
import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
process.chdir(root)
// Deleted sources must not live on as compiled tests.
rmSync('dist', { recursive: true, force: true })
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json'], { stdio: 'inherit' })
mkdirSync('dist/agent/runner/python', { recursive: true })
for (const file of ['agent/runner/python/child.py']) if (existsSync(file)) cpSync(file, `dist/${file}`)
if (existsSync('dist/coordinator/main.js')) {
  chmodSync('dist/coordinator/main.js', 0o755)
  rmSync('node_modules/.bin/manyhands', { force: true })
  symlinkSync('../../dist/coordinator/main.js', 'node_modules/.bin/manyhands')
}
