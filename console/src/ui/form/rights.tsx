import { createContext, use, type ComponentType, type ReactNode } from 'react';

/** What a person may do with the fields of the form that they look at. */
export interface FormRights {
    /** It can be read and not changed. */
    readOnly: boolean;
    /** Whether they see a column. */
    sees: (column: string) => boolean;
    /** Whether they see a part of it only: it cannot be changed, since the mask would be saved. */
    masks: (column: string) => boolean;
}

const Rights = createContext<FormRights>({ readOnly: false, sees: () => true, masks: () => false });

export function FormRightsProvider({ rights, children }: { rights: FormRights; children: ReactNode }) {
    return <Rights value={rights}>{children}</Rights>;
}

export function useFormRights(): FormRights {
    return use(Rights);
}

/** What belongs to a column, for those who see the column. */
export function IfSeen({ column, children }: { column: string; children: ReactNode }) {
    return useFormRights().sees(column) ? children : null;
}

/** An input that is only there for those who see its column. What is not there is neither checked nor sent. */
export function ifSeen<P extends { source: string }>(Input: ComponentType<P>): ComponentType<P> {
    return function Seen(props: P) {
        // A source may lead into a column that holds JSON.
        return useFormRights().sees(props.source.split('.')[0] ?? '') ? <Input {...props} /> : null;
    };
}
