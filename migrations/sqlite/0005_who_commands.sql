-- Who gave a command, for the events that tell what it did. Null if the host itself did.
ALTER TABLE commands ADD COLUMN given_by TEXT;
