// A temporary folder with a user's modules, and a real node process that loads what was made of them.
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { BundleFile } from '../../../proto/bundle.js'

export interface Sandbox {
  readonly folder: string
  write(files: Readonly<Record<string, string>>): void
  /** Makes this project's own dependencies importable there. */
  linkDependencies(): void
  remove(): void
}

export function makeSandbox(files: Readonly<Record<string, string>> = {}): Sandbox {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'manyhands-function-')))
  const write = (more: Readonly<Record<string, string>>) => {
    for (const [path, text] of Object.entries(more)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), text)
    }
  }
  write(files)
  return {
    folder,
    write,
    linkDependencies: () => symlinkSync(join(process.cwd(), 'node_modules'), join(folder, 'node_modules')),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

export interface Ran {
  readonly value?: unknown
  /** The stack of what was thrown. */
  readonly stack?: string
}

const PROGRAM = `
const [file, name, item] = process.argv.slice(1)
try {
  const module = await import(file)
  const value = await module[name](JSON.parse(item))
  console.log(JSON.stringify({ value }))
} catch (error) {
  console.log(JSON.stringify({ stack: String(error.stack) }))
}
`

/** Unpacks a bundle to a folder of its own, far from the sources, and calls one of its exports with one item. */
export async function callBundled(
  code: { readonly bundle?: readonly BundleFile[]; readonly entry: string },
  name: string,
  item: unknown,
): Promise<Ran> {
  const away = makeSandbox()
  try {
    for (const { path, content } of code.bundle ?? []) away.write({ [path]: new TextDecoder().decode(content) })
    const argv = ['--enable-source-maps', '--input-type=module', '-e', PROGRAM, join(away.folder, code.entry), name]
    const { stdout } = await promisify(execFile)(process.execPath, [...argv, JSON.stringify(item)], {
      cwd: away.folder,
    })
    const lines = stdout.trim().split('\n')
    return JSON.parse(lines.at(-1) as string) as Ran
  } finally {
    away.remove()
  }
}
