package cli

// groups are the commands of dray under their headings.
func groups(a *app) []group {
	return []group{
		{"move", "Move images:", commands(a, newPull, newSave, newLoad, newPush, newCopy, newSync, newPlan, newInventory, newServe, newParts)},
		{"look", "Look at images:", commands(a, newInspect, newManifest, newConfig, newDigest, newTags, newCatalog, newHistory, newFiles, newCat, newDiff, newTree)},
		{"verify", "Verify images:", commands(a, newArch, newVerify, newGCCheck)},
		{"edit", "Edit images:", commands(a, newAppend, newMutate, newRebase, newFlatten, newConvert, newExport, newIndex, newCommit)},
		{"store", "The local store:", commands(a, newImages, newTag, newRemove, newPrune, newCheck)},
		{"account", "Accounts:", commands(a, newLogin, newLogout, newAuth)},
		{"more", "More:", commands(a, newDemo, newVersion, newStdio)},
	}
}
