"""Records of delivered mail, for an audit: mail folders, logs of mail servers, lists of Message-IDs."""
