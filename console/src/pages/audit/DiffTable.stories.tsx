import { DiffTable } from './DiffTable';

export const Changed = () => (
    <DiffTable
        diff={{
            display_name: ['Ann', 'Ann <script>alert(1)</script>'],
            roles: [['operator'], ['operator', 'supervisor']],
            password: [null, 'changed'],
            enabled: [true, false],
            settings: [null, { login: { local: true } }],
        }}
    />
);

export const Withheld = () => <DiffTable diff={null} />;

export const Nothing = () => <DiffTable diff={{}} />;
