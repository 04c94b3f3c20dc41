// In: the source text of one function. Out: what kind of text it is, and all that it takes from outside of itself, with
// positions: variables, `this`, `super`, import.meta, modules. Names that every worker's global object has do not count.
// The only importer of acorn and eslint-scope.
import { isBuiltin } from 'node:module'
import { type AnyNode, parse } from 'acorn'
import { analyze } from 'eslint-scope'
import { GLOBAL_NAMES } from './built-in.js'

export interface Capture {
  /** As in the source: `limit`, `this`, `import.meta`, `import("lodash")`. */
  readonly what: string
  readonly kind: 'variable' | 'this' | 'super' | 'meta' | 'import'
  /** In the function's own text; both count from 1. */
  readonly line: number
  readonly column: number
}

export interface Reading {
  /** `method`: the text stands in an object literal, `f(x) { … }`. */
  readonly form: 'expression' | 'method'
  readonly type: 'function' | 'arrow' | 'class' | 'generator'
  readonly captures: readonly Capture[]
}

/** Undefined when the text is no function's. */
export function readFunction(source: string): Reading | undefined {
  for (const form of ['expression', 'method'] as const) {
    const [prefix, suffix] = form === 'expression' ? ['(', '\n)'] : ['({', '\n})']
    let program: AnyNode
    try {
      program = parse(prefix + source + suffix, {
        ecmaVersion: 'latest',
        sourceType: 'module',
        locations: true,
        ranges: true,
      })
    } catch {
      continue
    }
    const root = rootOf(program, form)
    if (root === undefined) continue
    const at = (node: Placed) => place(node, prefix.length)
    const captures = [...freeVariables(program, at), ...otherCaptures(root, at)]
    captures.sort((a, b) => a.line - b.line || a.column - b.column)
    return { form, type: typeOf(root), captures }
  }
  return undefined
}

interface Placed {
  readonly loc?: { readonly start: { readonly line: number; readonly column: number } } | null | undefined
}

function place(node: Placed, prefixLength: number): { line: number; column: number } {
  const { line, column } = node.loc?.start ?? { line: 1, column: prefixLength }
  return { line, column: column + 1 - (line === 1 ? prefixLength : 0) }
}

/** The function's node: the text must be it, whole, and nothing else. */
function rootOf(program: AnyNode, form: Reading['form']): AnyNode | undefined {
  if (program.type !== 'Program' || program.body.length !== 1) return undefined
  const [statement] = program.body
  if (statement?.type !== 'ExpressionStatement') return undefined
  const { expression } = statement
  if (form === 'expression') {
    return /^(?:FunctionExpression|ArrowFunctionExpression|ClassExpression)$/.test(expression.type)
      ? expression
      : undefined
  }
  if (expression.type !== 'ObjectExpression' || expression.properties.length !== 1) return undefined
  const [property] = expression.properties
  return property?.type === 'Property' && property.method ? property.value : undefined
}

function typeOf(root: AnyNode): Reading['type'] {
  if (root.type === 'ClassExpression') return 'class'
  if (root.type === 'ArrowFunctionExpression') return 'arrow'
  return root.type === 'FunctionExpression' && root.generator ? 'generator' : 'function'
}

function freeVariables(program: AnyNode, at: (node: Placed) => { line: number; column: number }): Capture[] {
  const scopes = analyze(program as never, { ecmaVersion: 2025, sourceType: 'module' })
  const captures = new Map<string, Capture>()
  for (const reference of scopes.globalScope?.through ?? []) {
    const { name } = reference.identifier as { name: string }
    if (GLOBAL_NAMES.has(name) || captures.has(name)) continue
    captures.set(name, { what: name, kind: 'variable', ...at(reference.identifier) })
  }
  return [...captures.values()]
}

/** What is no variable, and yet means something else, or nothing, in a worker. */
function otherCaptures(root: AnyNode, at: (node: Placed) => { line: number; column: number }): Capture[] {
  const captures: Capture[] = []
  // `own`: whether `this` and `super` here are those of the text's own surroundings.
  const visit = (node: AnyNode, own: { this: boolean; super: boolean }): void => {
    if (node.type === 'ThisExpression' && own.this) captures.push({ what: 'this', kind: 'this', ...at(node) })
    if (node.type === 'Super' && own.super) captures.push({ what: 'super', kind: 'super', ...at(node) })
    if (node.type === 'MetaProperty' && node.meta.name === 'import') {
      captures.push({ what: 'import.meta', kind: 'meta', ...at(node) })
    }
    if (node.type === 'ImportExpression') {
      const name = node.source.type === 'Literal' ? node.source.value : undefined
      if (typeof name !== 'string') captures.push({ what: 'import(…)', kind: 'import', ...at(node) })
      else if (!isBuiltin(name)) captures.push({ what: `import(${JSON.stringify(name)})`, kind: 'import', ...at(node) })
    }
    for (const child of childrenOf(node)) visit(child, within(node, child, own))
  }
  for (const child of childrenOf(root)) {
    const arrow = root.type === 'ArrowFunctionExpression'
    visit(child, { this: arrow, super: root.type === 'FunctionExpression' })
  }
  return captures
}

function within(node: AnyNode, child: AnyNode, own: { this: boolean; super: boolean }) {
  if (child.type === 'ClassBody') return { this: false, super: false }
  if (child.type !== 'FunctionExpression' && child.type !== 'FunctionDeclaration') return own
  return { this: false, super: own.super && !(node.type === 'Property' && node.method) }
}

function childrenOf(node: AnyNode): AnyNode[] {
  const children: AnyNode[] = []
  for (const value of Object.values(node)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (typeof each === 'object' && each !== null && typeof each.type === 'string') children.push(each as AnyNode)
    }
  }
  return children
}
