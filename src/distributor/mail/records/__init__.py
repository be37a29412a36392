"""What others have written down of the mails they took: folders of mail, logs of mail servers, lists of Message-IDs."""
