/** How a resource of the console stands on the wire. */
export interface ResourceOnWire {
    /** Below `/api`. */
    path: string;
    /** The member that names a row; the console calls it `id`. */
    key: string;
    /** What its rights are called: `users` of `users.read`. */
    right: string;
    /** What it is called in rights, exports, audit and the catalogue of columns. */
    wire: string;
    /** Rights of its own for what is done with it, where they are not called as everywhere: `{ update: 'manage' }`. */
    verbs?: Partial<Record<string, string>>;
    /** Its id is a place: `slot:44` stands at `slot/44`. It is made by being put there, and read out of the list. */
    placed?: readonly string[];
    /** What is sent of a record when it is made, and when it is changed; none: all of it. */
    create?: readonly string[];
    update?: readonly string[];
    /** Whether a change carries the version that it started from. */
    versioned?: boolean;
    /** Whether it is deleted by its version, too. */
    deleteVersion?: boolean;
    /** Whether lists can be searched with `q`. */
    searchable?: boolean;
    /** Its column that stands for all members which have none of their own. */
    rest?: { column: string; except: readonly string[] };
    /** What cannot be written to a file: columns that no table of the database holds, or the whole of it. */
    unexported?: 'all' | readonly string[];
}

/** What is only read. */
export const log = (path: string, right: string, more: Partial<ResourceOnWire> = {}): ResourceOnWire => ({ path, key: 'id', right, wire: right, ...more });

/** What can be made and changed; a code, once given, stays. */
export const crud = (path: string, right: string, update: readonly string[], create: readonly string[], more: Partial<ResourceOnWire> = {}): ResourceOnWire =>
    log(path, right, { create: [...create, ...update], update, versioned: true, ...more });
