import { Form } from 'ra-core';
import { useWatch } from 'react-hook-form';
import { MatrixInput } from './MatrixInput';

export const Some = () => (
    <Form record={{ id: '1', permissions: [{ permission: 'calls.read', scope: 'own' }, { permission: 'recordings.listen', scope: 'list' }] }}>
        <MatrixInput source="permissions" />
        <Value />
    </Form>
);

function Value() {
    const granted = useWatch({ name: 'permissions' }) as { permission: string; scope: string }[];
    return <code data-testid="value">{granted?.map(({ permission, scope }) => `${permission}@${scope}`).join(' ')}</code>;
}
