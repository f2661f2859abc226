// Types of what preact.js exports, as far as this project uses them.

export interface VNode { readonly type: unknown; readonly props: unknown; readonly key: unknown }
export type Child = VNode | string | number | boolean | null | undefined | readonly Child[];
export interface Ref<T> { current: T }
export interface Signal<T> { value: T; peek(): T; subscribe(fn: (value: T) => void): () => void }
export interface ReadonlySignal<T> { readonly value: T; peek(): T; subscribe(fn: (value: T) => void): () => void }
type Cleanup = void | (() => void);

export const Fragment: (props: { children?: Child }) => VNode;
export function h(type: unknown, props: object | null, ...children: Child[]): VNode;
export function html(strings: TemplateStringsArray, ...values: unknown[]): VNode;
export function render(node: Child, parent: Element): void;
export function createContext<T>(value: T): { Provider: (props: { value: T; children?: Child }) => VNode };

export function useState<T>(initial: T | (() => T)): [T, (next: T | ((old: T) => T)) => void];
export function useRef<T>(initial: T): Ref<T>;
export function useEffect(fn: () => Cleanup, deps?: readonly unknown[]): void;
export function useLayoutEffect(fn: () => Cleanup, deps?: readonly unknown[]): void;
export function useMemo<T>(fn: () => T, deps: readonly unknown[]): T;
export function useCallback<T>(fn: T, deps: readonly unknown[]): T;
export function useContext<T>(context: { Provider: (props: { value: T; children?: Child }) => VNode }): T;

export function signal<T>(value: T): Signal<T>;
export function computed<T>(fn: () => T): ReadonlySignal<T>;
export function effect(fn: () => Cleanup): () => void;
export function batch<T>(fn: () => T): T;
export function untracked<T>(fn: () => T): T;
export function useSignal<T>(value: T): Signal<T>;
export function useComputed<T>(fn: () => T): ReadonlySignal<T>;
export function useSignalEffect(fn: () => Cleanup): void;
